import KernelABI

/// Where in memory the pages of a memfd's contents are.
public struct ContentsMap: Sendable {
    /// A run of pages that are adjacent in the file and in memory.
    public struct Run: Hashable, Sendable {
        /// The first page's place in the file.
        public var index: UInt64
        /// The first page's frame number.
        public var pfn: UInt64
        /// The number of pages.
        public var count: UInt64
    }

    /// The runs, in the order of their places in the file. What no run covers is a hole.
    public let runs: [Run]
    private let pageSize: PageSize

    /// - Parameter preserved: the map of preserved memory, which tells how large the folios are.
    public init(of memfd: MemFDState, preserved: PreservedState?, pageSize: PageSize) {
        self.init(of: memfd, FolioSizes(preserved: preserved, pageSize: pageSize), pageSize: pageSize)
    }

    init(of memfd: MemFDState, _ sizes: FolioSizes, pageSize: PageSize) {
        self.pageSize = pageSize
        let folios = memfd.folios ?? []
        let filePages = pageSize.pages(for: memfd.size ?? 0)
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
        let next = runs.partitioningIndex { $0.index > index }
        guard next > 0 else { return nil }
        let run = runs[next - 1]
        guard index - run.index < run.count else { return nil }
        return PhysicalAddress((run.pfn + (index - run.index)) << UInt64(pageSize.shift))
    }

    /// The memory of the contents.
    public func extents(owner: String) -> [Extent] {
        runs.compactMap { run in
            let (count, overflow) = run.count.multipliedReportingOverflow(by: UInt64(pageSize.bytes))
            guard !overflow, let count = Int(exactly: count) else { return nil }
            return Extent(
                address: PhysicalAddress(run.pfn << UInt64(pageSize.shift)), byteCount: count, role: .contents,
                form: .opaque, owner: owner)
        }
    }
}
