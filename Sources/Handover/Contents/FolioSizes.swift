import KernelABI

/// The sizes of folios: from the map of preserved memory, or else derived from their positions.
struct FolioSizes {
    private let index: PreservedIndex?
    private let pageSize: PageSize

    init(preserved: PreservedState?, pageSize: PageSize) {
        self.pageSize = pageSize
        index = preserved.flatMap { $0.map == nil ? nil : PreservedIndex($0, pageSize: pageSize) }
    }

    init(_ index: PreservedIndex?, pageSize: PageSize) {
        self.pageSize = pageSize
        self.index = index
    }

    /// The order of the folio at `place` in a file's list.
    func order(of place: Int, in folios: [FolioState], filePages: UInt64) -> Int {
        let folio = folios[place]
        if let order = index?.order(at: PhysicalAddress(folio.pfn << UInt64(pageSize.shift))) { return order }
        guard index == nil else { return 0 }
        let next = place + 1 < folios.count ? folios[place + 1].index : filePages
        guard next > folio.index else { return 0 }
        let gap = next - folio.index
        // Only a gap in the file indicates a large folio here, so it must fit exactly.
        let order = gap.trailingZeroBitCount
        return gap == 1 << UInt64(order) && folio.pfn.trailingZeroBitCount >= order ? order : 0
    }
}
