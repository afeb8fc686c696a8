import KernelABI

/// Reads the chunks of page addresses that describe a preserved vmalloc area.
struct VmallocReader {
    let context: ReadingContext
    private let layout: VmallocChunkLayout

    init(context: ReadingContext) {
        self.context = context
        layout = VmallocChunkLayout.layout(context.pageSize)
    }

    static func readDescriptor(_ bytes: RawSpan, at base: Int) -> VmallocState {
        let layout = VmallocLayout.layout
        var state = VmallocState()
        state.first = layout.first.read(bytes, at: base)
        state.totalPages = layout.totalPages.read(bytes, at: base)
        state.flags = layout.flags.read(bytes, at: base)
        state.order = layout.order.read(bytes, at: base)
        return state
    }

    /// Reads the chunks into `state`, which contains the descriptor.
    ///
    /// - Parameter place: The place of the descriptor.
    func readChunks(of state: inout VmallocState, at place: Place, owner: Owner, _ log: inout ReadingLog) {
        let name = layout.structure.name
        var chunks: [VmallocState.Chunk] = []
        var next = state.first ?? PhysicalAddress(0)
        var entries: UInt64 = 0
        while next.rawValue != 0 {
            let address = next
            guard context.isAligned(address, name, of: owner, &log),
                log.visit(address, as: .vmallocChunk, structure: name, of: owner)
            else { break }
            let read: Void? = context.read(name, of: owner, at: address, count: context.pageSize.bytes, &log) { bytes in
                var pages: [PhysicalAddress] = []
                for index in 0..<layout.pages.count {
                    let page = layout.pages.read(index, of: bytes)
                    guard page.rawValue != 0 else { break }
                    pages.append(page)
                }
                chunks.append(VmallocState.Chunk(address: address, pages: pages))
                next = layout.header.layout.next.read(bytes, at: layout.header.offset)
            }
            guard read != nil else { break }
            entries += UInt64(chunks.last?.pages.count ?? 0)
            log.add(.vmallocChunk, .structure(layout.structure), at: address, context.pageSize.bytes, of: owner)
        }
        state.chunks = chunks
        // A chunk that cannot be read is reported separately, and the rest is unknown.
        if next.rawValue == 0 { check(state, at: place, owner: owner, entries, &log) }
    }

    private func check(
        _ state: VmallocState, at place: Place, owner: Owner, _ entries: UInt64, _ log: inout ReadingLog
    ) {
        let layout = VmallocLayout.layout
        guard let order = state.order, let total = state.totalPages else { return }
        guard order < UInt64.bitWidth - context.pageSize.shift else {
            log.report(
                .outOfRange, of: owner, at: place.field(layout.order), found: "\(order)",
                expected: "less than \(UInt64.bitWidth - context.pageSize.shift)")
            return
        }
        let (pages, overflow) = entries.multipliedReportingOverflow(by: 1 << UInt64(order))
        if context.hasMemory, overflow || pages != UInt64(total) {
            log.report(
                .mismatch, of: owner, at: place.field(layout.totalPages), found: "\(total)",
                expected: "\(pages), the number of pages in its chunks")
        }
    }

    /// The base pages of the area, in order; none if the descriptor is invalid.
    ///
    /// At most `total_pages`, at most as much as the available memory, and at most `limit`.
    func pages(of state: VmallocState, limit: UInt64) -> [PhysicalAddress] {
        let atHand = context.memorySize / UInt64(context.pageSize.bytes)
        return Self.pages(of: state, pageSize: context.pageSize, limit: min(limit, atHand))
    }

    /// The base pages of the area, in order: at most `total_pages` and `limit`.
    static func pages(of state: VmallocState, pageSize: PageSize, limit: UInt64) -> [PhysicalAddress] {
        guard let chunks = state.chunks, let order = state.order, let total = state.totalPages,
            order < UInt64.bitWidth - pageSize.shift
        else { return [] }
        let limit = Int(min(UInt64(total), limit))
        var pages: [PhysicalAddress] = []
        for chunk in chunks {
            for start in chunk.pages {
                for index in 0..<UInt64(1) << UInt64(order) {
                    guard pages.count < limit, let page = start.advanced(by: index << UInt64(pageSize.shift)) else {
                        return pages
                    }
                    pages.append(page)
                }
            }
        }
        return pages
    }
}
