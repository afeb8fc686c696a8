import KernelABI

/// The memory that the next kernel must not touch until its owners have taken it over.
public struct PreservedState: Hashable, Sendable {
    /// The map page by page, where it has been read or decided.
    public var map: Map?
    /// The number of preserved base pages.
    public var pages: UInt64?
    /// Their size in bytes.
    public var bytes: UInt64?
    /// The number of blocks of each order that occurs.
    public var blocksByOrder: [Int: UInt64]?
    /// The preserved memory: ascending, disjoint, adjacent ranges merged.
    ///
    /// Where the map is yet to be made, memory to preserve besides the handover's own.
    public var ranges: [Range<PhysicalAddress>]?

    /// The pages that a map of preserved memory consists of.
    public enum Map: Hashable, Sendable {
        case chunks([BitmapChunkState])
        case radix(RadixTreeState)
    }

    public init() {}

    /// All blocks of the map in the order of the map's pages, as (order, ascending run of block numbers).
    ///
    /// Block number n of order k stands for the 2^k pages from page n · 2^k.
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
                leaf.bits.forEachRun { run in
                    geometry.forEachRun(of: leaf.key, run, body)
                }
            }
        }
    }

    /// The numbers that describe the map as a whole.
    public func summary(pageSize: PageSize) -> PreservedSummary {
        PreservedSummary(self, pageSize: pageSize)
    }

    /// Sets ``pages``, ``bytes``, ``blocksByOrder`` and ``ranges`` to what the map amounts to.
    mutating func summarize(pageSize: PageSize) {
        let summary = summary(pageSize: pageSize)
        pages = summary.pages
        bytes = summary.bytes
        blocksByOrder = summary.blocksByOrder
        ranges = summary.ranges
    }
}

extension RadixGeometry {
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

/// What a map of preserved memory amounts to.
public struct PreservedSummary: Hashable, Sendable {
    /// The number of base pages in all blocks.
    public var pages: UInt64 = 0
    /// The size of all blocks in bytes.
    public var bytes: UInt64 = 0
    /// The number of blocks of each order that occurs.
    public var blocksByOrder: [Int: UInt64] = [:]
    /// The preserved memory: ascending, disjoint, adjacent ranges merged.
    public var ranges: [Range<PhysicalAddress>] = []

    public init() {}

    init(_ preserved: PreservedState, pageSize: PageSize) {
        // Within an order the runs of a sound map ascend, so that merging the orders is all there is to sort.
        var runs: [Range<UInt64>] = []
        var isSorted = true
        var counts = [UInt64](repeating: 0, count: 65)
        preserved.forEachRun(pageSize: pageSize) { order, blocks in
            guard order <= 64 - pageSize.shift else { return }
            counts[order] += UInt64(blocks.count)
            let first = blocks.lowerBound.multipliedFullWidth(by: 1 << UInt64(order))
            let end = blocks.upperBound.multipliedFullWidth(by: 1 << UInt64(order))
            let limit = UInt64.max >> UInt64(pageSize.shift) + 1
            guard first.high == 0 else { return }
            let run = min(first.low, limit)..<(end.high == 0 ? min(end.low, limit) : limit)
            pages &+= run.upperBound - run.lowerBound
            if let last = runs.last, run.lowerBound <= last.upperBound {
                if run.lowerBound >= last.lowerBound {
                    runs[runs.count - 1] = last.lowerBound..<max(last.upperBound, run.upperBound)
                    return
                }
                isSorted = false
            }
            runs.append(run)
        }
        for (order, count) in counts.enumerated() where count > 0 { blocksByOrder[order] = count }
        if !isSorted { runs.sort { $0.lowerBound < $1.lowerBound } }
        bytes = pages << UInt64(pageSize.shift)
        var merged: [Range<UInt64>] = []
        for run in runs {
            if let last = merged.last, run.lowerBound <= last.upperBound {
                merged[merged.count - 1] = last.lowerBound..<max(last.upperBound, run.upperBound)
            } else {
                merged.append(run)
            }
        }
        let shift = UInt64(pageSize.shift)
        ranges = merged.map { run in
            // The end of the address space itself has no address; its last page does.
            let end = run.upperBound << shift
            return PhysicalAddress(run.lowerBound << shift)..<PhysicalAddress(end == 0 ? .max : end)
        }
    }

    /// Whether all of `range` is preserved.
    public func contains(_ range: Range<PhysicalAddress>) -> Bool {
        var low = 0
        var high = ranges.count
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound <= range.lowerBound { low = middle + 1 } else { high = middle }
        }
        return low < ranges.count && ranges[low].lowerBound <= range.lowerBound
            && range.upperBound <= ranges[low].upperBound
    }
}

extension PreservedState: DocumentObject {
    static let form = ObjectForm<PreservedState>(
        "preserved", "the map of preserved memory",
        [
            .ifKnown("pages", { $0.pages }, { $0.pages = $1 }, NumberCodec<UInt64>(), "the number of preserved pages"),
            .ifKnown("bytes", { $0.bytes }, { $0.bytes = $1 }, NumberCodec<UInt64>(), "their size in bytes"),
            .ifKnown("by_order", { $0.blocksByOrder }, { $0.blocksByOrder = $1 }, BlocksByOrderCodec(), "the number of blocks of each order"),
            .ifKnown(
                "ranges", { $0.ranges }, { $0.ranges = $1 }, ArrayCodec(AddressRangeCodec()),
                "the preserved memory; without chunks or a tree, memory to preserve besides the handover's own"),
            .ifKnown(
                "chunks", { $0.chunks }, { $0.chunks = $1 }, ArrayCodec(ObjectCodec<BitmapChunkState>()),
                "the chunks of pointers to bitmaps (kho-v1)"),
            .ifKnown("radix", { $0.radix }, { $0.radix = $1 }, ObjectCodec<RadixTreeState>(), "the radix tree (kho-v3, kho-v4)"),
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
        try reader.beginObject("the number of blocks of each order")
        var result: [Int: UInt64] = [:]
        func order(_ reader: borrowing DocumentReader, _ key: Range<Int>) throws(DocumentReadError) -> Int {
            let text = reader.string(key)
            guard let order = Int(text), (0...64).contains(order) else { throw .document("\"\(text)\" is no order") }
            return order
        }
        while let order = try reader.key(isFirst: result.isEmpty, order) {
            result[order] = try NumberCodec<UInt64>().read(from: &reader)
        }
        return result
    }

    var schema: DocumentSchema { .reference("blocksByOrder") }
}
