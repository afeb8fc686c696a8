import KernelABI

extension HandoverPlanner {
    /// Fills in a memfd: its size, its folios' number, and the area that lists them.
    mutating func completeMemFD(_ memfd: inout MemFDState, _ layout: MemFDLayout, _ path: DocumentPath) {
        completeSize(&memfd, path)
        if layout.seals == nil {
            if memfd.seals ?? 0 != 0 || memfd.flags ?? 0 != 0 {
                impossible(path["seals"], "memfd-v1 has neither seals nor flags")
            }
            memfd.seals = nil
            memfd.flags = nil
        } else {
            memfd.seals = memfd.seals ?? 0
            memfd.flags = memfd.flags ?? 0
            let unknown = (memfd.seals ?? 0) & ~MemFDLayout.knownSeals
            if unknown != 0 {
                forcible(
                    path["seals"],
                    "0x\(String(unknown, radix: 16)) is not in MEMFD_LUO_ALL_SEALS, 0x\(String(MemFDLayout.knownSeals, radix: 16))")
            }
        }
        let pages = pageSize.pages(for: memfd.size ?? 0)
        let count = memfd.folios.map { UInt64($0.count) } ?? pages
        if let given = memfd.folioCount, given != count {
            forcible(path["nr_folios"], "\(given), but there are \(count) folios")
        }
        memfd.folioCount = memfd.folioCount ?? count
        for (index, folio) in (memfd.folios ?? []).enumerated() {
            if folio.pfn > FolioLayout.layout.pfn.limit {
                impossible(path["folios"][index]["pfn"], "a page frame number has \(FolioLayout.layout.pfn.bits.count) bits")
            }
            if UInt64(folio.flags) > FolioLayout.layout.flags.limit {
                impossible(path["folios"][index]["flags"], "there are \(FolioLayout.layout.flags.bits.count) bits of flags")
            }
            if folio.index >= max(1, pages) {
                forcible(path["folios"][index]["index"], "\(folio.index) is behind the end of the file, \(pages) pages")
            }
        }
        guard memfd.folios != nil || count <= Self.mostFoliosMade else {
            impossible(path["size"], "\(count) folios would have to be made, more than \(Self.mostFoliosMade)")
            return
        }
        guard count <= UInt64(UInt32.max) else {
            impossible(path["size"], "\(count) folios; memfd_luo_preserve gives EFBIG above \(UInt32.max)")
            return
        }
        completeVmalloc(&memfd, folios: count, path["vmalloc"])
    }

    /// How many folios of a file are made where none are given: 256 GiB of small pages.
    private static let mostFoliosMade: UInt64 = 1 << 26

    private mutating func completeSize(_ memfd: inout MemFDState, _ path: DocumentPath) {
        var length: UInt64?
        var key = "content"
        switch memfd.contents {
        case nil: break
        case .text(let text):
            length = UInt64(text.utf8.count)
            key = "text"
        case .bytes(let bytes):
            length = UInt64(bytes.count)
            key = "base64"
        case .file(let name):
            do throws(FileError) {
                length = try sizeOfFile(name)
            } catch {
                impossible(path["content"], "\(error)")
            }
        }
        if let length, let size = memfd.size, length > size {
            impossible(path[key], "\(length) bytes do not fit: size is \(size)")
        }
        if let folios = memfd.folios, memfd.size == nil {
            let end = folios.map { $0.index }.max().map { $0 &+ 1 } ?? 0
            let (size, overflow) = end.multipliedReportingOverflow(by: UInt64(pageSize.bytes))
            memfd.size = max(length ?? 0, overflow ? 0 : size)
        }
        memfd.size = memfd.size ?? length ?? 0
    }

    /// Makes the chunks that list the pages of the array of folios, as `kho_preserve_vmalloc` does.
    private mutating func completeVmalloc(_ memfd: inout MemFDState, folios: UInt64, _ path: DocumentPath) {
        var vmalloc = memfd.vmalloc ?? VmallocState()
        let perPage = UInt64(pageSize.bytes / FolioLayout.layout.structure.size)
        let capacity = VmallocChunkLayout.layout(pageSize).pages.count
        let isEmpty = folios == 0
        vmalloc.flags = vmalloc.flags ?? (isEmpty ? 0 : VmallocLayout.allocFlag)
        let order = UInt64(vmalloc.order ?? 0)
        vmalloc.order = UInt16(order)
        guard order < UInt64(64 - pageSize.shift) else {
            impossible(path["order"], "\(order); an order is less than \(64 - pageSize.shift)")
            return
        }
        let areaPages = (folios + perPage - 1) / perPage
        let entries = Int((areaPages + (1 << order) - 1) >> order)
        if vmalloc.chunks == nil, !isEmpty {
            // The kernel begins a new chunk when the last one is full, not when it needs one.
            var rest = entries
            var chunks: [VmallocState.Chunk] = []
            repeat {
                let here = min(rest, capacity)
                chunks.append(
                    VmallocState.Chunk(
                        address: chunks.isEmpty ? vmalloc.first : nil,
                        pages: [PhysicalAddress](repeating: Self.unassigned, count: here)))
                rest -= here
            } while rest > 0 || chunks.last?.pages.count == capacity
            vmalloc.chunks = chunks
        }
        let chunks = vmalloc.chunks ?? []
        vmalloc.chunks = chunks
        for (index, chunk) in chunks.enumerated() where chunk.pages.count > capacity {
            impossible(path["chunks"][index]["pages"], "\(chunk.pages.count); KHO_VMALLOC_SIZE is \(capacity)")
        }
        let listed = UInt64(chunks.reduce(0) { $0 + $1.pages.count }) << order
        if let given = vmalloc.totalPages, UInt64(given) != listed {
            forcible(path["total_pages"], "\(given), but the chunks list \(listed)")
        }
        if listed < areaPages {
            forcible(path["chunks"], "\(listed) pages; the array of \(folios) folios takes \(areaPages)")
        }
        vmalloc.totalPages = vmalloc.totalPages ?? UInt32(clamping: listed)
        let known = (UInt16(1) << UInt16(VmallocLayout.flagNames.count)) - 1
        if let flags = vmalloc.flags, flags & ~known != 0 {
            forcible(path["flags"], "\(flags) has bits that kho_restore_vmalloc does not know")
        }
        if chunks.isEmpty { vmalloc.first = vmalloc.first ?? PhysicalAddress(0) }
        memfd.vmalloc = vmalloc
    }

    /// Stands for the address of a list's page until it is assigned: no page is there, and none ends a list.
    static let unassigned = PhysicalAddress(.max)
}

/// How large the folios of memfds are: what the map of preserved memory says, else what their places tell.
struct FolioSizes {
    private let index: PreservedIndex?
    private let pageSize: PageSize

    init(preserved: PreservedState?, pageSize: PageSize) {
        self.pageSize = pageSize
        index = preserved.flatMap { $0.map == nil ? nil : PreservedIndex($0, pageSize: pageSize) }
    }

    /// The order of the folio at `place` of a memfd's list.
    func order(of place: Int, in folios: [FolioState], filePages: UInt64) -> Int {
        let folio = folios[place]
        if let order = index?.order(at: PhysicalAddress(folio.pfn << UInt64(pageSize.shift))) { return order }
        guard index == nil else { return 0 }
        let next = place + 1 < folios.count ? folios[place + 1].index : filePages
        guard next > folio.index else { return 0 }
        let gap = next - folio.index
        // Nothing but a gap in the file tells of a large folio here, and so it has to fit exactly.
        let order = gap.trailingZeroBitCount
        return gap == 1 << UInt64(order) && folio.pfn.trailingZeroBitCount >= order ? order : 0
    }
}
