/// What can be read of a tree that is cut short or damaged, and what cannot.
///
/// For bytes that ``FlattenedTree`` refuses and that someone has to look at all the same. Nothing is guessed: what is
/// shown stands in the bytes, and ``missing`` lists the rest. Any bytes may be given; reading them takes a time and a
/// room that are linear in their number.
///
/// libfdt plays no part, as it reads no tree whose header promises more than there is.
public struct PartialTree: Sendable {
    /// The fields of the header, as they stand; nil if the bytes end before it does.
    public let header: Header?

    /// The entries of the memory reservation block that are there.
    public let memoryReservations: [MemoryReservation]

    /// The nodes that begin within the bytes, in the tree's order; ``Node/index`` is the place in this list.
    public let nodes: [Node]

    /// What is not there, or not as it has to be; empty if the tree is whole.
    public let missing: [Missing]

    /// The number of bytes given.
    public let byteCount: Int

    /// Reads what there is. Never fails.
    public init(_ bytes: [UInt8]) {
        var reader = PartialTreeReader(bytes: bytes)
        reader.read()
        header = reader.header
        memoryReservations = reader.memoryReservations
        nodes = reader.nodes
        missing = reader.missing
        byteCount = bytes.count
    }

    /// Reads what there is. Never fails.
    public init(bytes: RawSpan) { self.init(bytes.array) }

    /// The root node, nil if not even that is there.
    public var root: Node? { nodes.first }

    /// The direct children of a node, as far as they are there.
    public func children(of node: Node) -> [Node] {
        node.children.compactMap { nodes.indices.contains($0) ? nodes[$0] : nil }
    }

    /// The path of a node from the root.
    public func path(of node: Node) -> String { nodes.path(of: node) }
}

extension [PartialTree.Node] {
    /// The path of a node from the root.
    func path(of node: PartialTree.Node) -> String {
        var names: [String] = []
        var next = node
        while let parent = next.parent, indices.contains(parent) {
            names.append(next.name)
            next = self[parent]
        }
        return "/" + names.reversed().joined(separator: "/")
    }
}

extension PartialTree {
    /// A node that begins within the bytes.
    public struct Node: Sendable {
        /// The place of the node in ``PartialTree/nodes``.
        public let index: Int
        /// The index of the node that this one is in; nil for the root.
        public let parent: Int?
        /// How many steps below the root the node is.
        public let depth: Int
        /// Where the node begins in the tree, in bytes from its first.
        public let offset: Int
        /// The indexes of the direct children, ascending.
        public internal(set) var children: [Int] = []
        /// The properties, in the tree's order.
        public internal(set) var properties: [Property] = []
        /// Whether the end of the node is there as well.
        public internal(set) var hasEnd = false
        /// Whether the bytes end within the name.
        public internal(set) var hasCutName = false

        let nameBytes: ArraySlice<UInt8>

        /// The name; bytes that are not UTF-8 are repaired. Cut if the bytes end within it.
        public var name: String { String(decoding: nameBytes, as: UTF8.self) }
    }

    /// A property of which at least the length is there.
    public struct Property: Sendable, PropertyValue {
        /// Where the name begins in the strings block, in bytes.
        public let nameOffset: UInt32
        /// The size of the value in bytes that the tree gives. Fewer are there if the bytes end within the value.
        public let declaredCount: Int

        /// The bytes of the name, nil if it lies where there are no bytes.
        public let nameBytes: ArraySlice<UInt8>?
        let value: ArraySlice<UInt8>

        /// Where the value begins in the tree, in bytes from its first.
        public var valueOffset: Int { value.startIndex }

        /// Whether the property has this name; makes no string.
        public func isNamed(_ name: String) -> Bool { nameBytes?.elementsEqual(name.utf8) ?? false }

        /// The name, nil if it lies where there are no bytes.
        public var name: String? { nameBytes.map { String(decoding: $0, as: UTF8.self) } }

        /// Whether the whole value is there.
        public var isWhole: Bool { value.count == declaredCount }

        public func withBytes<R, E: Error>(_ body: (RawSpan) throws(E) -> R) throws(E) -> R {
            try body(value.span.bytes)
        }
    }

    /// Something that is not there, or not as it has to be.
    public struct Missing: Sendable, Hashable, CustomStringConvertible {
        /// A part of a tree.
        public enum Part: String, Sendable, Hashable {
            case tree = "tree"
            case header = "header"
            case memoryReservations = "memory reservation block"
            case structure = "structure block"
            case strings = "strings block"
        }

        /// The part of the tree that it would be in.
        public let part: Part

        /// The bytes of the tree that are concerned, from its start; for bytes that are not there, the range begins at
        /// or after ``PartialTree/byteCount``.
        public let range: Range<Int>

        /// The path of the node in which the structure block stops, else nil.
        public let node: String?

        /// What is wrong, in words.
        public let reason: String

        public var description: String { "\(part.rawValue): \(reason)" }
    }
}
