import KernelABI

/// The addresses of the pages of a file's contents.
public struct ContentsMap: Sendable {
    /// A run of pages that are adjacent in the file and in memory.
    public struct Run: Hashable, Sendable {
        /// The index of the first page in the file.
        public var index: UInt64
        /// The first page's frame number.
        public var pfn: UInt64
        /// The number of pages.
        public var count: UInt64
    }

    /// The runs, in file order. Pages outside all runs are holes.
    public let runs: [Run]
    private let pageSize: PageSize

    /// - Parameters:
    ///   - file: The file's size and folios.
    ///   - preserved: The map of preserved memory, which gives the sizes of the folios.
    ///   - pageSize: The kernel's page size.
    public init(of file: FileContents, preserved: PreservedState?, pageSize: PageSize) {
        self.init(of: file, FolioSizes(preserved: preserved, pageSize: pageSize), pageSize: pageSize)
    }

    init(of file: FileContents, _ sizes: FolioSizes, pageSize: PageSize) {
        self.pageSize = pageSize
        let folios = file.folios ?? []
        let filePages = pageSize.pages(for: file.size ?? 0)
        var runs: [Run] = []
        for (place, folio) in folios.enumerated() where folio.pfn != 0 {
            let order = sizes.order(of: place, in: folios, filePages: filePages)
            let count: UInt64 = 1 << UInt64(min(order, 52))
            if let last = runs.last, last.index &+ last.count == folio.index, last.pfn + last.count == folio.pfn {
                runs[runs.count - 1].count += count
            } else {
                runs.append(Run(index: folio.index, pfn: folio.pfn, count: count))
            }
        }
        self.runs = runs.sorted { $0.index < $1.index }
    }

    /// The address of the page at `index` in the file; `nil` in a hole.
    public func address(ofPage index: UInt64) -> PhysicalAddress? {
        run(ofPage: index).map { PhysicalAddress(($0.pfn + (index - $0.index)) << UInt64(pageSize.shift)) }
    }

    /// The number of pages from `index` on that are contiguous in memory; 0 in a hole.
    func pagesInRow(from index: UInt64) -> UInt64 {
        run(ofPage: index).map { $0.count - (index - $0.index) } ?? 0
    }

    private func run(ofPage index: UInt64) -> Run? {
        let next = runs.partitioningIndex { $0.index > index }
        guard next > 0, index - runs[next - 1].index < runs[next - 1].count else { return nil }
        return runs[next - 1]
    }

    /// The memory of a run; `nil` if it exceeds the address space.
    package func addresses(of run: Run) -> Range<PhysicalAddress>? {
        let page = UInt64(pageSize.bytes)
        let (start, startOverflows) = run.pfn.multipliedReportingOverflow(by: page)
        let (size, sizeOverflows) = run.count.multipliedReportingOverflow(by: page)
        guard !startOverflows, !sizeOverflows, let end = PhysicalAddress(start).advanced(by: size) else { return nil }
        return PhysicalAddress(start)..<end
    }

    /// The pages of the file that are in `regions`, as ascending ranges.
    ///
    /// In a valid handover no page is in two runs, so there are fewer ranges than runs and regions together; no more
    /// than that are returned.
    func pages(in regions: [Range<PhysicalAddress>]) -> [Range<UInt64>] {
        let page = UInt64(pageSize.bytes)
        let limit = runs.count + regions.count
        var result: [Range<UInt64>] = []
        for run in runs {
            guard let addresses = addresses(of: run) else { continue }
            for piece in addresses.pieces(in: regions) {
                guard result.count < limit else { return result.merged() }
                let first = run.index &+ (piece.lowerBound.rawValue - addresses.lowerBound.rawValue) / page
                let end = run.index &+ (piece.upperBound.rawValue - addresses.lowerBound.rawValue + page - 1) / page
                if first < end { result.append(first..<end) }
            }
        }
        return result.merged()
    }

    /// The number of pages below `end` that are in neither map's regions, although one of the maps has their addresses.
    func pagesOutside(
        _ regions: [Range<PhysicalAddress>], and other: ContentsMap, _ otherRegions: [Range<PhysicalAddress>],
        below end: UInt64
    ) -> UInt64 {
        func count(_ ranges: [Range<UInt64>]) -> UInt64 {
            ranges.merged().reduce(0) { $0 + min($1.upperBound, end) - min($1.lowerBound, end) }
        }
        let stated = count(
            (runs + other.runs).map { $0.index..<($0.index &+ $0.count < $0.index ? .max : $0.index &+ $0.count) })
        return stated - min(stated, count(pages(in: regions) + other.pages(in: otherRegions)))
    }

    /// The memory of the contents.
    public func extents(owner: Owner) -> [Extent] {
        runs.compactMap { run in
            guard let addresses = addresses(of: run),
                let count = Int(exactly: addresses.upperBound.rawValue - addresses.lowerBound.rawValue)
            else { return nil }
            return Extent(
                address: addresses.lowerBound, byteCount: count, role: .contents, form: .opaque, owner: owner)
        }
    }
}
