import KernelABI

extension ImageWriter {
    /// Writes what LUO's state refers to: the FLBs, the sessions and their files.
    mutating func writeLUO() throws(WriteError) {
        guard let luo = state.luo, let abi = generation.luo else { return }
        if let container = abi.flbs {
            let flbs = luo.flbs ?? []
            let layout = container.record
            try writeRecords(
                flbs.count, in: container, at: luo.flbAddress, blocks: nil, role: .flbs, owner: .luo(),
                path: ".luo.flb_pa",
                header: { FLBHeaderLayout.layout.pageCount.write(luo.flbPageCount ?? 0, to: &$0) },
                record: { index, bytes, base in
                    layout.name.write(flbs[index].name, to: &bytes, at: base)
                    layout.data.write(flbs[index].data, to: &bytes, at: base)
                    layout.count.write(flbs[index].count, to: &bytes, at: base)
                    layout.write(further: flbs[index].further, to: &bytes, at: base)
                })
        }
        for (index, flb) in (luo.flbs ?? []).enumerated() {
            try flb.content?.write(
                handle: flb.data, name: flb.name, owner: .flb(flb.name), path: ".luo.flbs[\(index)].payload", to: &self)
        }
        let sessions = luo.sessions ?? []
        let layout = abi.sessions.record
        try writeRecords(
            sessions.count, in: abi.sessions, at: luo.sessionsAddress, blocks: luo.blocks, role: .sessions,
            owner: .luo(), path: ".luo.sessions_pa",
            record: { (index, bytes, base) throws(WriteError) in
                let session = sessions[index]
                guard let files = session.filesAddress, let count = session.count else {
                    throw .incomplete(".luo.sessions[\(index)]")
                }
                let fileSet = layout.fileSet
                layout.name.write(session.name, to: &bytes, at: base)
                fileSet.layout.files.write(files, to: &bytes, at: base + fileSet.offset)
                fileSet.layout.count.write(count, to: &bytes, at: base + fileSet.offset)
                layout.write(further: session.further, to: &bytes, at: base)
            })
        for (index, session) in sessions.enumerated() {
            try writeFiles(of: session, abi, path: ".luo.sessions[\(index)]")
        }
    }

    private mutating func writeFiles(
        of session: SessionState, _ abi: Generation.LUOState, path: String
    ) throws(WriteError) {
        let files = session.files ?? []
        let layout = abi.files.record
        let hasFurther = !layout.further.isEmpty
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
                if hasFurther { layout.write(further: files[index].further, to: &bytes, at: base) }
            })
        // Most files have unknown handlers. Skip them, as taking one out of the array costs reference counting.
        for index in files.indices where files[index].hasContent {
            let file = files[index]
            guard let content = file.content else { continue }
            let place = "\(path).files[\(index)]"
            guard let handle = file.data else { throw .incomplete(place) }
            try content.write(
                handle: handle, name: file.compatible, owner: .file(session: session.name, token: file.token),
                path: "\(place).\(content.documentKey)", to: &self)
        }
    }
}
