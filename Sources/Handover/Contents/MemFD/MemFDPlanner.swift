import KernelABI

extension HandoverPlanner {
    /// Completes a memfd: its size, the number of folios, and the area that lists them.
    mutating func completeMemFD(_ memfd: inout MemFDState, _ layout: MemFDLayout, _ path: DocumentPath) {
        completeSize(&memfd, path)
        if layout.seals == nil {
            if memfd.seals ?? 0 != 0 || memfd.flags ?? 0 != 0 {
                reportUnbuildable(path["seals"], "this version has neither seals nor flags")
            }
            memfd.seals = nil
            memfd.flags = nil
        } else {
            memfd.seals = memfd.seals ?? 0
            memfd.flags = memfd.flags ?? 0
            let unknown = (memfd.seals ?? 0) & ~MemFDLayout.knownSeals
            if unknown != 0 {
                reportForceable(
                    path["seals"],
                    "\(unknown.prefixedHex) is not in MEMFD_LUO_ALL_SEALS, \(MemFDLayout.knownSeals.prefixedHex)"
                )
            }
        }
        let pages = pageSize.pages(for: memfd.size ?? 0)
        let count = memfd.folios.map { UInt64($0.count) } ?? pages
        if let given = memfd.folioCount, given != count {
            reportForceable(path["nr_folios"], "\(given), but the number of folios is \(count)")
        }
        memfd.folioCount = memfd.folioCount ?? count
        for (index, folio) in (memfd.folios ?? []).enumerated() {
            if folio.pfn > FolioLayout.layout.pfn.limit {
                reportUnbuildable(
                    path["folios"][index]["pfn"], "a page frame number has \(FolioLayout.layout.pfn.bits.count) bits")
            }
            if UInt64(folio.flags) > FolioLayout.layout.flags.limit {
                reportUnbuildable(
                    path["folios"][index]["flags"], "there are \(FolioLayout.layout.flags.bits.count) bits of flags")
            }
            if folio.index >= max(1, pages) {
                reportForceable(
                    path["folios"][index]["index"], "\(folio.index) is past the end of the file, \(pages) pages")
            }
        }
        guard memfd.folios != nil || count <= Self.mostFoliosMade else {
            reportUnbuildable(
                path["size"], "\(count) folios would have to be created, more than \(Self.mostFoliosMade)")
            return
        }
        guard count <= UInt64(UInt32.max) else {
            reportUnbuildable(path["size"], "\(count) folios; memfd_luo_preserve() returns EFBIG above \(UInt32.max)")
            return
        }
        var area = memfd.vmalloc ?? VmallocState()
        completeArea(
            &area, byteCount: count * UInt64(FolioLayout.layout.structure.size), of: "the array of folios",
            path["vmalloc"])
        memfd.vmalloc = area
    }

    private mutating func completeSize(_ memfd: inout MemFDState, _ path: DocumentPath) {
        let length = length(of: memfd.contents, path)
        let key = memfd.contents?.key ?? "size"
        if let length, let size = memfd.size, length > size {
            reportUnbuildable(path[key], "\(length) bytes do not fit: size is \(size)")
        }
        if let folios = memfd.folios, memfd.size == nil {
            let end = folios.map { $0.index }.max().map { $0 &+ 1 } ?? 0
            let (size, overflow) = end.multipliedReportingOverflow(by: UInt64(pageSize.bytes))
            memfd.size = max(length ?? 0, overflow ? 0 : size)
        }
        memfd.size = memfd.size ?? length ?? 0
    }
}
