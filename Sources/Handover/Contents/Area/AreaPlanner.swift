import KernelABI

extension HandoverPlanner {
    /// Creates the chunks that list the pages of an area of `byteCount` bytes, as `kho_preserve_vmalloc` does.
    ///
    /// - Parameter content: The contents of the area, for messages.
    mutating func completeArea(
        _ area: inout VmallocState, byteCount: UInt64, of content: @autoclosure () -> String, _ path: DocumentPath
    ) {
        let capacity = VmallocChunkLayout.layout(pageSize).pages.count
        let isEmpty = byteCount == 0
        area.flags = area.flags ?? (isEmpty ? 0 : VmallocLayout.allocFlag)
        let order = UInt64(area.order ?? 0)
        area.order = UInt16(order)
        guard order < UInt64(64 - pageSize.shift) else {
            reportUnbuildable(path["order"], "\(order); an order must be less than \(64 - pageSize.shift)")
            return
        }
        let areaPages = pageSize.pages(for: byteCount)
        let entries = Int((areaPages + (1 << order) - 1) >> order)
        if area.chunks == nil, !isEmpty {
            // The kernel adds a new chunk as soon as the last one is full, not when it needs one.
            var rest = entries
            var chunks: [VmallocState.Chunk] = []
            repeat {
                let here = min(rest, capacity)
                chunks.append(
                    VmallocState.Chunk(
                        address: chunks.isEmpty ? area.first : nil,
                        pages: [PhysicalAddress](repeating: Self.unassigned, count: here)))
                rest -= here
            } while rest > 0 || chunks.last?.pages.count == capacity
            area.chunks = chunks
        }
        let chunks = area.chunks ?? []
        area.chunks = chunks
        for (index, chunk) in chunks.enumerated() where chunk.pages.count > capacity {
            reportUnbuildable(path["chunks"][index]["pages"], "\(chunk.pages.count); KHO_VMALLOC_SIZE is \(capacity)")
        }
        let listed = UInt64(chunks.reduce(0) { $0 + $1.pages.count }) << order
        if let given = area.totalPages, UInt64(given) != listed {
            reportForceable(path["total_pages"], "\(given), but the chunks list \(listed)")
        }
        if listed < areaPages {
            reportForceable(path["chunks"], "\(listed) pages; \(content()) takes \(areaPages)")
        }
        area.totalPages = area.totalPages ?? UInt32(clamping: listed)
        let known = (UInt16(1) << UInt16(VmallocLayout.flagNames.count)) - 1
        if let flags = area.flags, flags & ~known != 0 {
            reportForceable(path["flags"], "\(flags) has bits that kho_restore_vmalloc() does not support")
        }
        if chunks.isEmpty { area.first = area.first ?? PhysicalAddress(0) }
    }

    /// A placeholder for a page address of an area before it is assigned: not a valid page, and not the end of a list.
    static let unassigned = PhysicalAddress(.max)

    /// Visits the chunks of an area and the pages that they list.
    mutating func visitArea<Visitor: AllocationVisitor>(
        _ area: inout VmallocState, _ path: @autoclosure () -> DocumentPath, _ visitor: inout Visitor
    ) {
        guard var chunks = area.chunks, !chunks.isEmpty else { return }
        let order = UInt64(area.order ?? 0)
        if let first = chunks[0].address, let given = area.first, first != given {
            reportForceable(path()["first"], "\(given) is not the address of the first chunk, \(first)")
        }
        chunks[0].address = chunks[0].address ?? area.first
        for index in chunks.indices {
            func chunkPath() -> DocumentPath { path()["chunks"][index] }
            visitor.visit(&chunks[index].address, .folio(order: 0, pageSize), chunkPath()["pa"], by: &self)
            for place in chunks[index].pages.indices {
                var page: PhysicalAddress? = chunks[index].pages[place]
                if page == Self.unassigned { page = nil }
                let size = UInt64(pageSize.bytes) << order
                var allocation = Allocation.pages(for: size, pageSize)
                // The pages of an entry are one allocation, which is aligned to its size.
                allocation.alignment = size
                visitor.visit(&page, allocation, chunkPath()["pages"][place], by: &self)
                chunks[index].pages[place] = page ?? Self.unassigned
            }
        }
        area.first = area.first ?? chunks[0].address
        area.chunks = chunks
    }
}
