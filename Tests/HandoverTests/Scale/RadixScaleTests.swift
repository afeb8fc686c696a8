import KernelABI
import Testing

@testable import Handover

/// Maps of 16 TiB of preserved memory, also at the top of the address space.
@Suite struct RadixScaleTests {
    static let tebibytes16: UInt64 = 16 << 40

    static let cases = PageSize.allCases.flatMap { size in
        [tebibytes16, 0 &- tebibytes16].map { Case(pageSize: size, start: $0) }
    }

    /// 16 TiB from an address on.
    struct Case: CustomTestStringConvertible {
        let pageSize: PageSize
        let start: UInt64
        var testDescription: String { "from 0x\(String(start, radix: 16)), pages of \(pageSize.bytes) bytes" }

        /// The order of blocks of 4 MiB.
        var order: Int { 22 - pageSize.shift }

        func blocks(order: Int, at start: UInt64, size: UInt64) -> ComputedRadixTree.Run {
            let shift = UInt64(pageSize.shift + order)
            return ComputedRadixTree.Run(order: order, blocks: start >> shift..<(start >> shift) + size >> shift)
        }
    }

    @Test(arguments: cases)
    func `16 TiB in blocks of 4 MiB`(_ test: Case) throws {
        let run = test.blocks(order: test.order, at: test.start, size: Self.tebibytes16)
        let tree = ComputedRadixTree(pageSize: test.pageSize, runs: [run])
        let (read, log) = tree.read()
        let preserved = try #require(read)
        #expect(log.findings == [])
        #expect(preserved.bytes == Self.tebibytes16)
        #expect(preserved.pages == Self.tebibytes16 >> UInt64(test.pageSize.shift))
        #expect(preserved.blocksByOrder == [test.order: Self.tebibytes16 >> 22])
        // The end of the address space itself has no address.
        let end = test.start &+ Self.tebibytes16
        #expect(preserved.ranges == [range(test.start, end == 0 ? .max : end)])
        // Each leaf holds as many keys as a page has bits.
        let keys = Int(Self.tebibytes16 >> 22)
        let perLeaf = test.pageSize.bytes * 8
        guard case .radix(let radix) = preserved.map else { throw ComputedRadixTree.NoTree() }
        #expect(radix.leaves.count == keys / perLeaf)
        #expect(radix.leaves.allSatisfy { $0.bits.words.reduce(0) { $0 + $1.nonzeroBitCount } == perLeaf })
        // One path to each, and every page of the map once.
        #expect(tree.memory.computations.value == radix.nodes.count + radix.leaves.count)
        #expect(radix.nodes.count <= RadixGeometry(pageSize: test.pageSize).depth + radix.leaves.count / 64)
    }

    /// Pages that are far apart, including the second and the last of all.
    @Test(arguments: PageSize.allCases)
    func `single pages all over the address space`(_ pageSize: PageSize) throws {
        let shift = UInt64(pageSize.shift)
        let pages = [1] + (10..<(64 - shift)).map { 1 << $0 } + [UInt64.max >> shift]
        let tree = ComputedRadixTree(
            pageSize: pageSize, runs: pages.map { ComputedRadixTree.Run(order: 0, blocks: $0..<$0 + 1) })
        let (read, log) = tree.read()
        let preserved = try #require(read)
        #expect(log.findings == [])
        #expect(preserved.blocksByOrder == [0: UInt64(pages.count)])
        #expect(
            preserved.ranges
                == pages.map { page in
                    let end = (page + 1) << shift
                    return range(page << shift, end == 0 ? .max : end)
                })
        let index = PreservedIndex(preserved, pageSize: pageSize)
        for page in pages {
            #expect(index.order(at: PhysicalAddress(page << shift)) == 0)
            #expect(index.order(at: PhysicalAddress((page ^ 1) << shift)) == nil)
        }
    }

    /// Blocks of every order, each after the one before.
    @Test(arguments: PageSize.allCases)
    func `every order`(_ pageSize: PageSize) throws {
        let largest = 63 - pageSize.shift
        let runs = (0...largest).map { ComputedRadixTree.Run(order: $0, blocks: 1..<2) }
        let (read, log) = ComputedRadixTree(pageSize: pageSize, runs: runs).read()
        let preserved = try #require(read)
        #expect(log.findings == [])
        #expect(preserved.blocksByOrder?.count == largest + 1)
        #expect(preserved.pages == (1 << UInt64(largest + 1)) - 1)
        #expect(preserved.ranges == [range(UInt64(pageSize.bytes), .max)])
    }

    /// Full leaves of base pages: every page of 16 TiB has a bit.
    @Test func `16 TiB in blocks of one page`() throws {
        let pageSize = PageSize.kib64
        let geometry = RadixGeometry(pageSize: pageSize)
        let bits = Bitmap(words: [UInt64](repeating: .max, count: pageSize.bytes / 8))
        let first = geometry.key(of: PageBlock(address: PhysicalAddress(Self.tebibytes16), order: 0))
        var tree = RadixTreeState()
        tree.leaves = (0..<512).map { leaf in
            RadixTreeState.Leaf(address: nil, key: first + UInt64(leaf * pageSize.bytes * 8), bits: bits)
        }
        var preserved = PreservedState()
        preserved.map = .radix(tree)
        let summary = preserved.summary(pageSize: pageSize)
        #expect(summary.bytes == Self.tebibytes16)
        #expect(summary.pages == Self.tebibytes16 >> UInt64(pageSize.shift))
        #expect(summary.blocksByOrder == [0: summary.pages])
        #expect(summary.ranges == [range(Self.tebibytes16, 2 * Self.tebibytes16)])
    }

    /// Memory that begins and ends at odd addresses is split into blocks, and read back completely.
    @Test(arguments: BuildTests.kinds)
    func `16 TiB are preserved besides the handover`(_ kind: BuildTests.Kind) throws {
        let page = UInt64(kind.pageSize.bytes)
        let ranges = [
            range(Self.tebibytes16 + page, 2 * Self.tebibytes16 + 3 * page),
            range((0 &- Self.tebibytes16) - page, 0 &- page),
        ]
        var state = HandoverState()
        state.kernel = kind.generation.newestRelease
        state.pageSize = kind.pageSize
        state.preserved = PreservedState()
        state.preserved?.ranges = ranges
        let planned = try HandoverPlanner.plan(state, sizeOfFile: noFiles)
        let image = try HandoverImage(of: planned, contents: noContents)
        let reading = try HandoverReader(memory: image.memory, pageSize: kind.pageSize).read(
            rootAt: try #require(image.rootAddress))
        #expect(reading.findings == [])
        #expect(reading.state.preserved == planned.preserved)
        #expect(reading.state.preserved?.ranges?.suffix(2) == ranges[...])
        // At most two blocks of each order at either end.
        let counts = try #require(reading.state.preserved?.blocksByOrder)
        #expect(counts.filter { $0.key > 0 }.allSatisfy { $0.value <= 4 })
    }
}

/// A radix tree that is represented only by its runs of blocks.
struct ComputedRadixTree {
    struct Run: Sendable {
        let order: Int
        let blocks: Range<UInt64>
    }

    struct NoTree: Error {}

    let memory: ComputedMemory
    private let pageSize: PageSize
    private static let start = PhysicalAddress(0xff00_0000_0000_0000)

    init(pageSize: PageSize, runs: [Run]) {
        self.pageSize = pageSize
        let geometry = RadixGeometry(pageSize: pageSize)
        let keys = runs.map { run -> Range<UInt64> in
            let marker = UInt64(1) << UInt64(64 - pageSize.shift - run.order)
            return marker | run.blocks.lowerBound..<marker | (run.blocks.upperBound - 1) + 1
        }.sorted { $0.lowerBound < $1.lowerBound }
        // A page's number consists of its level and its index among the pages of the level.
        let levelShift = UInt64(geometry.keyWidth - geometry.bitmapBits)
        let size = (UInt64(geometry.depth) << levelShift) << UInt64(pageSize.shift)
        memory = ComputedMemory(
            stored: SparseMemory(pageSize: pageSize.bytes),
            computed: Self.start..<PhysicalAddress(Self.start.rawValue + size)
        ) { address in
            let number = (address.rawValue - Self.start.rawValue) >> UInt64(pageSize.shift)
            let level = Int(number >> levelShift)
            let place = number & ((1 << levelShift) - 1)
            func bits(_ level: Int) -> UInt64 {
                UInt64(level == 0 ? geometry.bitmapBits : geometry.shift(level: level + 1))
            }
            var bytes = [UInt8](repeating: 0, count: pageSize.bytes)
            if level == 0 {
                let first = place << bits(0)
                for key in keys.overlaps(first..<first + UInt64(bytes.count * 8)) {
                    bytes.set(Int(key.lowerBound - first)..<Int(key.upperBound - first))
                }
            } else {
                // The root's key can exceed 64 bits: its table ends earlier.
                let prefix = level == geometry.depth - 1 ? 0 : place << bits(level)
                for index in 0..<UInt64(pageSize.bytes / 8) {
                    let (offset, overflows) = index.multipliedReportingOverflow(by: 1 << bits(level - 1))
                    guard !overflows else { break }
                    let child = prefix + offset
                    guard !keys.overlaps(child..<child + (1 << bits(level - 1))).isEmpty else { continue }
                    let number = UInt64(level - 1) << levelShift | child >> bits(level - 1)
                    bytes.put(Self.start.rawValue + number << UInt64(pageSize.shift), at: Int(index) * 8)
                }
            }
            return bytes
        }
        root = PhysicalAddress(
            Self.start.rawValue + (UInt64(geometry.depth - 1) << levelShift) << UInt64(pageSize.shift))
    }

    private let root: PhysicalAddress

    /// Reads the map as in a handover.
    func read() -> (PreservedState?, ReadingLog) {
        let context = ReadingContext(memory: memory, pageSize: pageSize)
        var log = ReadingLog(context: context)
        let state = PreservedMapReader(context: context, form: .radixTree).read(at: root, &log)
        return (state, log)
    }
}

extension [Range<UInt64>] {
    /// The parts of the ranges within `bounds`. The ranges are ascending and disjoint.
    fileprivate func overlaps(_ bounds: Range<UInt64>) -> [Range<UInt64>] {
        let first = partitioningIndex { $0.upperBound > bounds.lowerBound }
        return self[first...].prefix { $0.lowerBound < bounds.upperBound }.map { $0.clamped(to: bounds) }
    }
}

extension [UInt8] {
    /// Sets bits; the first is the least significant bit of the first byte.
    fileprivate mutating func set(_ bits: Range<Int>) {
        var bit = bits.lowerBound
        while bit < bits.upperBound {
            if bit % 8 == 0, bits.upperBound - bit >= 8 {
                let whole = (bits.upperBound - bit) / 8
                replaceSubrange(bit / 8..<bit / 8 + whole, with: repeatElement(0xff, count: whole))
                bit += whole * 8
            } else {
                self[bit / 8] |= 1 << (bit % 8)
                bit += 1
            }
        }
    }
}
