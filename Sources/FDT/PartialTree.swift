/// The readable part of a truncated or damaged tree, and a list of what is missing.
///
/// For bytes that ``FlattenedTree`` rejects but that still need to be inspected. Nothing is guessed: everything
/// reported is in the bytes, and ``missing`` lists the rest. Accepts any bytes; reading them takes time and memory
/// linear in their number.
///
/// Does not use libfdt, which refuses to read a tree whose header promises more bytes than there are.
public struct PartialTree: Sendable {
    /// The header fields, unchecked; nil if the bytes end before the header does.
    public let header: Header?

    /// The entries of the memory reservation block that can be read.
    public let memoryReservations: [MemoryReservation]

    /// The nodes that begin within the bytes, in tree order; ``Node/index`` is an index into this list.
    public let nodes: [Node]

    /// What is missing or invalid; empty if the tree is complete.
    public let missing: [Missing]

    /// The number of bytes given.
    public let byteCount: Int

    /// Reads as much as possible. Never fails.
    public init(_ bytes: [UInt8]) {
        var reader = PartialTreeReader(bytes: bytes)
        reader.read()
        header = reader.header
        memoryReservations = reader.memoryReservations
        nodes = reader.nodes
        missing = reader.missing
        byteCount = bytes.count
    }

    /// Reads as much as possible. Never fails.
    public init(bytes: RawSpan) { self.init(bytes.array) }

    /// The root node; nil if it is missing.
    public var root: Node? { nodes.first }

    /// The readable direct children of a node.
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
        /// The index of the node in ``PartialTree/nodes``.
        public let index: Int
        /// The index of the parent node; nil for the root.
        public let parent: Int?
        /// The number of levels below the root.
        public let depth: Int
        /// The offset of the node in bytes from the start of the tree.
        public let offset: Int
        /// The indexes of the direct children, in ascending order.
        public internal(set) var children: [Int] = []
        /// The properties, in tree order.
        public internal(set) var properties: [Property] = []
        /// Whether the end of the node is present, too.
        public internal(set) var hasEnd = false
        /// Whether the bytes end within the name.
        public internal(set) var hasCutName = false

        let nameBytes: ArraySlice<UInt8>

        /// The name, cut if the bytes end within it; invalid UTF-8 is replaced.
        public var name: String { String(decoding: nameBytes, as: UTF8.self) }
    }

    /// A property whose length, at least, is present.
    public struct Property: Sendable, PropertyValue {
        /// The byte offset of the name in the strings block.
        public let nameOffset: UInt32
        /// The size of the value in bytes as stated in the tree. If the bytes end within the value, fewer are present.
        public let declaredCount: Int

        /// The bytes of the name; nil if it lies outside the bytes.
        public let nameBytes: ArraySlice<UInt8>?
        let value: ArraySlice<UInt8>

        /// The offset of the value in bytes from the start of the tree.
        public var valueOffset: Int { value.startIndex }

        /// Whether the property has this name. Does not create a string.
        public func isNamed(_ name: String) -> Bool { nameBytes?.elementsEqual(name.utf8) ?? false }

        /// The name; nil if it lies outside the bytes.
        public var name: String? { nameBytes.map { String(decoding: $0, as: UTF8.self) } }

        /// Whether the value is complete.
        public var isWhole: Bool { value.count == declaredCount }

        public func withBytes<R, E: Error>(_ body: (RawSpan) throws(E) -> R) throws(E) -> R {
            try body(value.span.bytes)
        }
    }

    /// Something that is missing or invalid.
    public struct Missing: Sendable, Hashable, CustomStringConvertible {
        /// A part of a tree.
        public enum Part: String, Sendable, Hashable {
            case tree = "tree"
            case header = "header"
            case memoryReservations = "memory reservation block"
            case structure = "structure block"
            case strings = "strings block"
        }

        /// The part of the tree that it belongs to.
        public let part: Part

        /// The affected bytes, as offsets from the start of the tree. For missing bytes, the range begins at or after
        /// ``PartialTree/byteCount``.
        public let range: Range<Int>

        /// The path of the node in which the structure block breaks off, else nil.
        public let node: String?

        /// A description of the fault.
        public let reason: String

        public var description: String { "\(part.rawValue): \(reason)" }
    }
}
