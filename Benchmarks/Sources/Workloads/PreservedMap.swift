import Handover
import KernelABI

/// A map of preserved memory with only blocks of order 0: a leaf of 4 KiB for each 128 MiB.
public struct PreservedMap: Sendable {
    /// The size of the memory that the map spans, in leaves.
    public var leaves: Int
    /// Whether every page is preserved, as opposed to runs of pages.
    public var isFull: Bool
    public var seed: UInt64

    /// A map of 1 TiB.
    public static let fullSize = 8192

    private static let pageSize = PageSize.kib4
    private static let geometry = RadixGeometry(pageSize: pageSize)
    private static let bitsPerLeaf = pageSize.bytes * 8
    /// The handover's own pages, which must be preserved like any other: all of them are in the first leaf.
    private static let ownPages = 256..<512

    public init(leaves: Int, isFull: Bool = false, seed: UInt64) {
        self.leaves = leaves
        self.isFull = isFull
        self.seed = seed
    }

    /// A handover with this map and little else.
    public func image() throws -> HandoverImage {
        var state = HandoverState()
        state.kernel = "7.2"
        state.luo = LUOState()
        var preserved = PreservedState()
        preserved.map = .radix(tree)
        state.preserved = preserved
        let base = PhysicalAddress(UInt64(Self.ownPages.lowerBound * Self.pageSize.bytes))
        return try HandoverImage(withoutFilesOf: state, base: base)
    }

    /// The map, with its pages above the memory that it spans.
    ///
    /// A kernel allocates them on demand, so they are not in key order.
    private var tree: RadixTreeState {
        var random = SplitMix64(seed: seed)
        let end = UInt64(leaves * Self.bitsPerLeaf)
        let tableCount = 1 << Self.geometry.tableBits
        let nodeCount = Self.geometry.depth - 2 + (leaves + tableCount - 1) / tableCount
        var pages = (0..<UInt64(nodeCount + leaves)).map { end + $0 }
        pages.shuffle(using: &random)
        func nextAddress() -> PhysicalAddress? {
            pages.popLast().map { PhysicalAddress($0 << UInt64(Self.pageSize.shift)) }
        }

        var tree = RadixTreeState()
        var wasSet = false
        var rest = 0
        for leaf in 0..<leaves {
            let key = Self.geometry.key(
                of: PageBlock(
                    address: PhysicalAddress(UInt64(leaf * Self.bitsPerLeaf * Self.pageSize.bytes)), order: 0))
            for level in (1..<Self.geometry.depth).reversed() {
                let prefix = Self.geometry.prefix(of: key, level: level)
                guard !tree.nodes.contains(where: { $0.level == level && $0.key == prefix }) else { continue }
                tree.nodes.append(RadixTreeState.Node(address: nextAddress(), level: UInt8(level), key: prefix))
            }
            let bits = isFull ? Self.fullBits : Self.bits(&random, &wasSet, &rest, hasOwnPages: leaf == 0)
            tree.leaves.append(RadixTreeState.Leaf(address: nextAddress(), key: key, bits: bits))
        }
        return tree
    }

    private static let fullBits = Bitmap(words: [UInt64](repeating: .max, count: bitsPerLeaf / 64))

    /// Runs of 1 to 4,096 pages with gaps of 1 to 1,024 between them, with short ones as frequent as long ones; runs
    /// continue across leaves.
    private static func bits(
        _ random: inout SplitMix64, _ isSet: inout Bool, _ rest: inout Int, hasOwnPages: Bool
    ) -> Bitmap {
        var words = [UInt64](repeating: 0, count: bitsPerLeaf / 64)
        func fill(_ bits: Range<Int>) {
            for bit in bits { words[bit / 64] |= 1 << UInt64(bit % 64) }
        }
        var bit = 0
        while bit < bitsPerLeaf {
            if rest == 0 {
                isSet.toggle()
                rest = Int.random(in: 1...(1 << Int.random(in: 0...(isSet ? 12 : 10), using: &random)), using: &random)
            }
            let end = min(bit + rest, bitsPerLeaf)
            if isSet { fill(bit..<end) }
            rest -= end - bit
            bit = end
        }
        if hasOwnPages { fill(ownPages) }
        return Bitmap(words: words)
    }
}
