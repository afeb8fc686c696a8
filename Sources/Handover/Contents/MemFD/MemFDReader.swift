import KernelABI

extension MemFDKind {
    /// Reads a preserved memfd: its descriptor and its list of folios.
    func read(
        _ handle: UInt64, owner: Owner, _ context: ReadingContext, _ log: inout ReadingLog
    ) -> (any Content)? {
        let address = PhysicalAddress(handle)
        let name = layout.structure.name
        guard context.isAligned(address, name, of: owner, &log),
            log.visit(address, as: .memfd, structure: name, of: owner)
        else {
            return nil
        }
        var vmalloc = VmallocState()
        let found = context.read(name, of: owner, at: address, count: layout.structure.size, &log) { bytes in
            var memfd = MemFDState()
            memfd.position = layout.position.read(bytes)
            memfd.size = layout.size.read(bytes)
            memfd.seals = layout.seals?.read(bytes)
            memfd.flags = layout.flags?.read(bytes)
            memfd.folioCount = layout.folioCount.read(bytes)
            vmalloc = VmallocReader.readDescriptor(bytes, at: layout.folios.offset)
            return memfd
        }
        guard var memfd = found else { return nil }
        log.add(.memfd, .structure(layout.structure), at: address, context.pageSize.bytes, of: owner)
        let place = Place(layout.structure, at: address)
        let area = VmallocReader(context: context)
        area.readChunks(of: &vmalloc, at: place.field(layout.folios), owner: owner, &log)
        memfd.vmalloc = vmalloc
        // One entry can represent all memory, and a page can be in many lists: all lists together are limited to the
        // available memory.
        let pages = area.pages(of: vmalloc, limit: log.budget / UInt64(context.pageSize.bytes))
        memfd.folios = readFolios(memfd.folioCount ?? 0, in: pages, at: place, owner: owner, context, &log)
        return memfd
    }

    private func readFolios(
        _ count: UInt64, in pages: [PhysicalAddress], at place: Place, owner: Owner, _ context: ReadingContext,
        _ log: inout ReadingLog
    ) -> [FolioState]? {
        guard count > 0 else { return [] }
        let folio = FolioLayout.layout
        let name = folio.structure.name
        guard !pages.isEmpty, log.spend(UInt64(pages.count) * UInt64(context.pageSize.bytes)) else { return nil }
        let perPage = context.pageSize.bytes / folio.structure.size
        let capacity = UInt64(pages.count) * UInt64(perPage)
        if count > capacity {
            log.report(
                .count, of: owner, at: place.field(layout.folioCount), found: "\(count)",
                expected: "at most \(capacity), the capacity of its list of \(pages.count) pages")
        }
        var folios: [FolioState] = []
        folios.reserveCapacity(Int(min(count, capacity)))
        for page in pages {
            let here = min(perPage, Int(min(count, capacity)) - folios.count)
            log.add(
                .folioList, .records(header: nil, record: folio.structure, count: max(0, here)), at: page,
                context.pageSize.bytes, of: owner)
            guard here > 0 else { continue }
            guard log.visit(page, as: .folioList, structure: name, of: owner) else { return folios }
            let read: Void? = context.read(name, of: owner, at: page, count: here * folio.structure.size, &log) {
                bytes in
                for index in 0..<here {
                    let base = index * folio.structure.size
                    let word = folio.pfn.word.read(bytes, at: base)
                    folios.append(
                        FolioState(
                            pfn: folio.pfn.extract(from: word),
                            flags: UInt16(truncatingIfNeeded: folio.flags.extract(from: word)),
                            index: folio.index.read(bytes, at: base)))
                }
            }
            guard read != nil else { return folios }
        }
        return folios
    }
}
