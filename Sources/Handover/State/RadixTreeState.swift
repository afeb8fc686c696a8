import KernelABI

/// The radix tree of preserved memory, page by page.
public struct RadixTreeState: Hashable, Sendable {
    /// The tables, each before those below it; the first is the root.
    public var nodes: [Node] = []
    /// The leaves, in key order.
    public var leaves: [Leaf] = []

    public init() {}

    /// A table of addresses.
    public struct Node: Hashable, Sendable {
        public var address: PhysicalAddress?
        /// The level: 1 is directly above the leaves.
        public var level: UInt8 = 1
        /// The smallest key below it.
        public var key: UInt64 = 0

        public init() {}

        public init(address: PhysicalAddress?, level: UInt8, key: UInt64) {
            self.address = address
            self.level = level
            self.key = key
        }
    }

    /// A bitmap of keys.
    public struct Leaf: Hashable, Sendable {
        public var address: PhysicalAddress?
        /// The key of bit 0.
        public var key: UInt64 = 0
        public var bits = Bitmap()

        public init() {}

        public init(address: PhysicalAddress?, key: UInt64, bits: Bitmap) {
            self.address = address
            self.key = key
            self.bits = bits
        }
    }
}

extension RadixTreeState: DocumentObject {
    package static let form = ObjectForm<RadixTreeState>(
        "radix", "the radix tree of preserved memory",
        [
            .always("nodes", \.nodes, "the tables, the root first"),
            .always("leaves", \.leaves, "the leaves"),
        ])
}

extension RadixTreeState.Node: DocumentObject {
    package static let form = ObjectForm<RadixTreeState.Node>(
        "radixNode", "a table of the radix tree", compact: true,
        [
            .ifKnown("pa", { $0.address }, { $0.address = $1 }, "the address of the table"),
            .always(
                "level", { $0.level }, { $0.level = $1 }, NumberCodec<UInt8>(), required: true,
                "1 is directly above the leaves"),
            .always("key", { $0.key }, { $0.key = $1 }, HexCodec(), required: true, "the smallest key below it"),
        ])
}

extension RadixTreeState.Leaf: DocumentObject {
    package static let form = ObjectForm<RadixTreeState.Leaf>(
        "radixLeaf", "a leaf of the radix tree", compact: true,
        [
            .ifKnown("pa", { $0.address }, { $0.address = $1 }, "the address of the leaf"),
            .always("key", { $0.key }, { $0.key = $1 }, HexCodec(), required: true, "the key of bit 0"),
            .always("bits", { $0.bits }, { $0.bits = $1 }, required: true, "the bits that are set"),
        ])
}
