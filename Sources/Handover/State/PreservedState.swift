import KernelABI

/// The memory that the next kernel must not touch until its owners have restored it.
public struct PreservedState: Hashable, Sendable {
    /// The map page by page, if it has been read or planned.
    public var map: Map?
    /// The number of preserved base pages.
    public var pages: UInt64?
    /// Their size in bytes.
    public var bytes: UInt64?
    /// The number of blocks of each order that occurs.
    public var blocksByOrder: [Int: UInt64]?
    /// The preserved memory: ascending, disjoint ranges, with adjacent ones merged.
    ///
    /// If there is no map yet, memory to preserve in addition to the handover's own.
    public var ranges: [Range<PhysicalAddress>]?

    /// The pages that make up a map of preserved memory.
    public enum Map: Hashable, Sendable {
        case chunks([BitmapChunkState])
        case radix(RadixTreeState)
    }

    public init() {}

    /// Calls `body` with all blocks of the map, in the order of the map's pages, as an order and an ascending run of
    /// block numbers.
    ///
    /// Block number n of order k represents the 2^k pages from page n · 2^k.
    public func forEachRun(pageSize: PageSize, _ body: (_ order: Int, _ blocks: Range<UInt64>) -> Void) {
        switch map {
        case nil: break
        case .chunks(let chunks):
            for chunk in chunks {
                for bitmap in chunk.bitmaps {
                    let shift = UInt64(pageSize.shift) + UInt64(chunk.order)
                    let first = shift < 64 ? bitmap.start.rawValue >> shift : 0
                    bitmap.bits.forEachRun { run in
                        body(Int(chunk.order), first &+ UInt64(run.lowerBound)..<first &+ UInt64(run.upperBound))
                    }
                }
            }
        case .radix(let tree):
            let geometry = RadixGeometry(pageSize: pageSize)
            for leaf in tree.leaves {
                if let (order, first) = geometry.blocks(ofLeaf: leaf.key) {
                    leaf.bits.forEachRun { run in
                        body(order, first &+ UInt64(run.lowerBound)..<first &+ UInt64(run.upperBound))
                    }
                } else {
                    leaf.bits.forEachRun { run in
                        geometry.forEachRun(of: leaf.key, run, body)
                    }
                }
            }
        }
    }

    /// The number of runs of adjacent bits in the map's pages.
    fileprivate var runCount: Int {
        switch map {
        case nil: 0
        case .chunks(let chunks): chunks.reduce(0) { $0 + $1.bitmaps.reduce(0) { $0 + $1.bits.runCount } }
        case .radix(let tree): tree.leaves.reduce(0) { $0 + $1.bits.runCount }
        }
    }

    /// A summary of the map.
    public func summary(pageSize: PageSize) -> PreservedSummary {
        PreservedSummary(self, pageSize: pageSize)
    }

    /// Sets ``pages``, ``bytes``, ``blocksByOrder`` and ``ranges`` according to the map.
    mutating func summarize(pageSize: PageSize) {
        let summary = summary(pageSize: pageSize)
        pages = summary.pages
        bytes = summary.bytes
        blocksByOrder = summary.blocksByOrder
        ranges = summary.ranges
    }
}

extension RadixGeometry {
    /// The order of all blocks of a leaf, and the number of the first; `nil` for the leaf with the smallest keys, whose
    /// marker bits, and so orders, differ, and if the keys have no blocks.
    fileprivate func blocks(ofLeaf key: UInt64) -> (order: Int, first: UInt64)? {
        guard bitIndex(of: key) == 0, let block = block(of: key) else { return nil }
        return (block.order, key & ~(1 << UInt64(63 - key.leadingZeroBitCount)))
    }

    /// Splits a run of keys where the marker bit, and so the order, changes.
    fileprivate func forEachRun(
        of prefix: UInt64, _ bits: Range<Int>, _ body: (_ order: Int, _ blocks: Range<UInt64>) -> Void
    ) {
        var key = prefix | UInt64(bits.lowerBound)
        let last = prefix | UInt64(bits.upperBound - 1)
        while key <= last {
            guard let block = block(of: key) else {
                guard key < last else { return }
                key += 1
                continue
            }
            let marker = UInt64(1) << UInt64(63 - key.leadingZeroBitCount)
            let end = min(last, marker &+ (marker - 1))
            body(block.order, (key - marker)..<(end - marker + 1))
            guard end < last else { return }
            key = end + 1
        }
    }
}

/// A summary of a map of preserved memory.
public struct PreservedSummary: Hashable, Sendable {
    /// The number of base pages in all blocks.
    public var pages: UInt64 = 0
    /// The size of all blocks in bytes.
    public var bytes: UInt64 = 0
    /// The number of blocks of each order that occurs.
    public var blocksByOrder: [Int: UInt64] = [:]
    /// The preserved memory: ascending, disjoint ranges, with adjacent ones merged.
    public var ranges: [Range<PhysicalAddress>] = []

    public init() {}

    init(_ preserved: PreservedState, pageSize: PageSize) {
        // Within an order, the runs of a valid map ascend, so it suffices to merge the orders.
        var merged: [Range<PhysicalAddress>] = []
        merged.reserveCapacity(preserved.runCount)
        var isSorted = true
        var counts = [UInt64](repeating: 0, count: 65)
        let limit = UInt64.max >> UInt64(pageSize.shift) + 1
        // The end of the address space itself has no address; its last page does.
        func address(_ page: UInt64) -> PhysicalAddress {
            PhysicalAddress(page == limit ? .max : page << UInt64(pageSize.shift))
        }
        preserved.forEachRun(pageSize: pageSize) { order, blocks in
            guard order <= 64 - pageSize.shift else { return }
            counts[order] += UInt64(blocks.count)
            let first = blocks.lowerBound.multipliedFullWidth(by: 1 << UInt64(order))
            let end = blocks.upperBound.multipliedFullWidth(by: 1 << UInt64(order))
            guard first.high == 0 else { return }
            let run = min(first.low, limit)..<(end.high == 0 ? min(end.low, limit) : limit)
            pages &+= run.upperBound - run.lowerBound
            // What is beyond the address space is shown at its end.
            let range = address(min(run.lowerBound, limit - 1))..<address(run.upperBound)
            if let last = merged.last, range.lowerBound <= last.upperBound {
                if range.lowerBound >= last.lowerBound {
                    merged[merged.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
                    return
                }
                isSorted = false
            }
            merged.append(range)
        }
        for (order, count) in counts.enumerated() where count > 0 { blocksByOrder[order] = count }
        bytes = pages << UInt64(pageSize.shift)
        ranges = isSorted ? merged : merged.merged()
    }

    /// Whether all of `range` is preserved.
    public func contains(_ range: Range<PhysicalAddress>) -> Bool {
        let next = ranges.partitioningIndex { $0.upperBound > range.lowerBound }
        return next < ranges.count && ranges[next].lowerBound <= range.lowerBound
            && range.upperBound <= ranges[next].upperBound
    }
}

extension PreservedState: DocumentObject {
    package static let form = ObjectForm<PreservedState>(
        "preserved", "the map of preserved memory",
        [
            .ifKnown("pages", \.pages, "the number of preserved pages").compared(
                apart: "preserved pages", layout: true),
            .ifKnown("bytes", \.bytes, "their size in bytes").uncompared,
            .ifKnown(
                "by_order", \.blocksByOrder, BlocksByOrderCodec(), "the number of blocks of 2^order pages, by order"),
            .ifKnown(
                "ranges", \.ranges,
                "the preserved memory; without chunks or a tree, memory to preserve in addition to the handover's own"
            ).uncompared,
            .ifKnown("chunks", \.chunks, "the chunks of pointers to bitmaps (kho-v1)").uncompared,
            .ifKnown("radix", \.radix, "the radix tree (kho-v3, kho-v4)").uncompared,
        ])

    private var chunks: [BitmapChunkState]? {
        get {
            if case .chunks(let chunks) = map { chunks } else { nil }
        }
        set { map = newValue.map(Map.chunks) }
    }

    private var radix: RadixTreeState? {
        get {
            if case .radix(let tree) = map { tree } else { nil }
        }
        set { map = newValue.map(Map.radix) }
    }
}

/// The number of blocks of each order: `{"0": 45, "9": 2}`.
private struct BlocksByOrderCodec: DocumentCodec {
    func write(_ value: [Int: UInt64], to writer: inout DocumentWriter) {
        writer.object(compact: true) { writer in
            for (order, count) in value.sorted(by: { $0.key < $1.key }) {
                writer.key(String(order))
                writer.number(count)
            }
        }
    }

    func read(from reader: inout DocumentReader) throws(DocumentReadError) -> [Int: UInt64] {
        var result: [Int: UInt64] = [:]
        for (text, count) in try counts.read(from: &reader) {
            guard let order = Int(text), (0...64).contains(order) else {
                throw .document("\(ImageText(text)) is not an order")
            }
            result[order] = count
        }
        return result
    }

    var schema: DocumentSchema { counts.schema }

    package func compare(_ values: Comparison.Pair<[Int: UInt64]>, by comparison: inout Comparison) {
        guard let (before, after) = values.both else { return }
        for order in Set(before.keys).union(after.keys).sorted() {
            let subject = Comparison.Subject("preserved blocks of order \(order)", isLayout: true)
            comparison.compare(.init(before[order] ?? 0, after[order] ?? 0, subject))
        }
    }

    private var counts: DictionaryCodec<NumberCodec<UInt64>> {
        DictionaryCodec(NumberCodec(), "the number of blocks of 2^order pages, by order")
    }
}
