import KernelABI

extension ImageWriter {
    /// Writes what LUO's state leads to: the FLBs, the sessions and their files.
    mutating func writeLUO() throws(WriteError) {
        guard let luo = state.luo, let abi = generation.luo else { return }
        if let container = abi.flbs {
            let flbs = luo.flbs ?? []
            let header = FLBHeaderLayout.layout
            let layout = FLBLayout.layout
            try writeRecords(
                flbs.count, in: container, at: luo.flbAddress, blocks: nil, role: .flbs, owner: .luo(),
                path: ".luo.flb_pa",
                header: { bytes in
                    header.pageCount.write(luo.flbPageCount ?? 0, to: &bytes)
                    header.count.write(UInt64(flbs.count), to: &bytes)
                },
                record: { index, bytes, base in
                    layout.name.write(flbs[index].name, to: &bytes, at: base)
                    layout.data.write(flbs[index].data, to: &bytes, at: base)
                    layout.count.write(flbs[index].count, to: &bytes, at: base)
                })
        }
        let sessions = luo.sessions ?? []
        let layout = SessionLayout.layout
        try writeRecords(
            sessions.count, in: abi.sessions, at: luo.sessionsAddress, blocks: luo.blocks, role: .sessions,
            owner: .luo(), path: ".luo.sessions_pa",
            header: { SessionHeaderLayout.layout.count.write(UInt64(sessions.count), to: &$0) },
            record: { (index, bytes, base) throws(WriteError) in
                let session = sessions[index]
                guard let files = session.filesAddress, let count = session.count else {
                    throw .incomplete(".luo.sessions[\(index)]")
                }
                let fileSet = layout.fileSet
                layout.name.write(session.name, to: &bytes, at: base)
                fileSet.layout.files.write(files, to: &bytes, at: base + fileSet.offset)
                fileSet.layout.count.write(count, to: &bytes, at: base + fileSet.offset)
            })
        for (index, session) in sessions.enumerated() {
            try writeFiles(of: session, abi, path: ".luo.sessions[\(index)]")
        }
    }

    private mutating func writeFiles(
        of session: SessionState, _ abi: Generation.LUOState, path: String
    ) throws(WriteError) {
        let files = session.files ?? []
        let layout = FileLayout.layout
        let owner = Owner.session(session.name)
        try writeRecords(
            files.count, in: abi.files, at: session.filesAddress, blocks: session.blocks, role: .files, owner: owner,
            path: path,
            record: { (index, bytes, base) throws(WriteError) in
                guard let compatible = files[index].compatible, let data = files[index].data else {
                    throw .incomplete("\(path).files[\(index)]")
                }
                layout.compatible.write(compatible, to: &bytes, at: base)
                layout.data.write(data, to: &bytes, at: base)
                layout.token.write(files[index].token, to: &bytes, at: base)
            })
        // Most files are no memfds, and to take one out of the array is to count its references.
        for index in files.indices where files[index].isMemFD {
            let file = files[index]
            guard let memfd = file.memfd,
                let handler = generation.memfd.first(where: { KernelString($0.compatible) == file.compatible })
            else { continue }
            try write(
                memfd, handler.layout, at: file.data.map(PhysicalAddress.init(_:)),
                owner: .file(session: session.name, token: file.token), path: "\(path).files[\(index)].memfd")
        }
    }

    private mutating func write(
        _ memfd: MemFDState, _ layout: MemFDLayout, at address: PhysicalAddress?, owner: Owner, path: String
    ) throws(WriteError) {
        guard let size = memfd.size, let folioCount = memfd.folioCount, let vmalloc = memfd.vmalloc,
            let first = vmalloc.first, let folios = memfd.folios
        else { throw .incomplete(path) }
        try placePages(
            pageSize.bytes, at: address, role: .memfd, form: .structure(layout.structure), owner: owner, path: path
        ) { bytes in
            layout.position.write(memfd.position, to: &bytes)
            layout.size.write(size, to: &bytes)
            layout.seals?.write(memfd.seals ?? 0, to: &bytes)
            layout.flags?.write(memfd.flags ?? 0, to: &bytes)
            layout.folioCount.write(folioCount, to: &bytes)
            let area = layout.folios
            area.layout.first.write(first, to: &bytes, at: area.offset)
            area.layout.totalPages.write(vmalloc.totalPages ?? 0, to: &bytes, at: area.offset)
            area.layout.flags.write(vmalloc.flags ?? 0, to: &bytes, at: area.offset)
            area.layout.order.write(vmalloc.order ?? 0, to: &bytes, at: area.offset)
        }
        try write(vmalloc, owner: owner, path: path)
        try write(folios, in: vmalloc, owner: owner, path: path)
    }

    private mutating func write(_ vmalloc: VmallocState, owner: Owner, path: String) throws(WriteError) {
        let layout = VmallocChunkLayout.layout(pageSize)
        let chunks = vmalloc.chunks ?? []
        for (index, chunk) in chunks.enumerated() {
            try place(
                layout.structure.size, at: chunk.address, role: .vmallocChunk, form: .structure(layout.structure),
                owner: owner, path: "\(path).vmalloc.chunks[\(index)].pa"
            ) { (bytes) throws(WriteError) in
                if index + 1 < chunks.count {
                    guard let next = chunks[index + 1].address else { throw .incomplete("\(path).vmalloc") }
                    layout.header.layout.next.write(next, to: &bytes, at: layout.header.offset)
                }
                for (place, page) in chunk.pages.prefix(layout.pages.count).enumerated() {
                    layout.pages[place].write(page, to: &bytes)
                }
            }
        }
    }

    /// The pages without folios that a list is given.
    private static var emptyListPages: UInt64 { 1024 }

    private mutating func write(
        _ folios: [FolioState], in vmalloc: VmallocState, owner: Owner, path: String
    ) throws(WriteError) {
        let layout = FolioLayout.layout
        let size = layout.structure.size
        let perPage = pageSize.bytes / size
        var index = 0
        // A few pages behind the last folio are a document's own wish; 2^32 of them nobody's.
        let limit = UInt64(folios.count / perPage) + Self.emptyListPages
        for page in VmallocReader.pages(of: vmalloc, pageSize: pageSize, limit: limit) {
            let here = min(perPage, folios.count - index)
            try place(
                pageSize.bytes, at: page, role: .folioList,
                form: .records(header: nil, record: layout.structure, count: here), owner: owner, path: path
            ) { bytes in
                for place in 0..<here {
                    let folio = folios[index + place]
                    var word: UInt64 = 0
                    layout.pfn.insert(folio.pfn, into: &word)
                    layout.flags.insert(UInt64(folio.flags), into: &word)
                    layout.pfn.word.write(word, to: &bytes, at: place * size)
                    layout.index.write(folio.index, to: &bytes, at: place * size)
                }
            }
            index += here
        }
    }
}
