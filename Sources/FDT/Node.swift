extension FlattenedTree {
    /// A node of a tree: a reference to the tree and an offset. Cheap to create and copy.
    public struct Node: Sendable, Hashable {
        /// The tree that contains the node.
        public let tree: FlattenedTree

        let offset: Int32

        init(tree: FlattenedTree, offset: Int32) {
            self.tree = tree
            self.offset = offset
        }
    }
}

extension FlattenedTree.Node {
    /// The byte offset of the node in the structure block (libfdt's node offset); 0 for the root.
    public var structureOffset: Int { Int(offset) }

    /// The name with its unit address, empty for the root; invalid UTF-8 is replaced. C: `fdt_get_name`.
    public var name: String { withNameBytes { $0.string } }

    /// Calls `body` with the bytes of the name, without the NUL.
    public func withNameBytes<R, E: Error>(_ body: (RawSpan) throws(E) -> R) throws(E) -> R {
        try tree.withBytes { (bytes) throws(E) in
            var tokens = Tokenizer(tree.header, count: tree.totalSize, at: structureOffset)
            guard case .beginNode(let name) = tokens.next(in: bytes) else { return try body(RawSpan()) }
            return try body(bytes.extracting(tokens.nodeName(name, in: bytes) ?? name))
        }
    }

    /// The direct children, in tree order. C: `fdt_first_subnode`, `fdt_next_subnode`.
    public var children: FlattenedTree.Children { FlattenedTree.Children(parent: self) }

    /// The properties, in tree order.
    ///
    /// C: `fdt_first_property_offset`, `fdt_next_property_offset`. Properties that wrongly follow a subnode are not
    /// included, though ``FlattenedTree/scan(_:)`` reports them.
    public var properties: FlattenedTree.Properties { FlattenedTree.Properties(node: self) }

    /// The child with a name. C: `fdt_subnode_offset`.
    ///
    /// The whole name must match, with libfdt's one exception: a name without a unit address (`memory`) also matches
    /// the first child that has this name with any unit address (`memory@0`).
    public func subnode(named name: String) -> FlattenedTree.Node? {
        let child = Call.subnode(tree.storage.bytes, of: offset, named: name).result
        return child < 0 ? nil : FlattenedTree.Node(tree: tree, offset: child)
    }

    /// The property with a name. C: `fdt_getprop`.
    public func property(_ name: String) -> FlattenedTree.Property? {
        tree.withBytes { bytes in
            let utf8 = name.utf8
            var tokens = Tokenizer(tree.header, count: tree.totalSize, at: structureOffset)
            _ = tokens.next(in: bytes)
            while let place = tokens.nextProperty(in: bytes) {
                if bytes.holds(utf8.span.bytes, at: place.nameStart) {
                    return FlattenedTree.Property(tree: tree, place)
                }
            }
            return nil
        }
    }

    /// Whether the string list `compatible` contains the string. C: `fdt_node_check_compatible`.
    public func isCompatible(with compatible: String) -> Bool {
        Call.checkCompatible(tree.storage.bytes, offset, compatible).result == 0
    }
}

extension FlattenedTree {
    /// The direct children of a node.
    public struct Children: Sequence, Sendable {
        let parent: Node

        public func makeIterator() -> Iterator { Iterator(parent) }

        public struct Iterator: IteratorProtocol {
            let tree: FlattenedTree
            var tokens: Tokenizer
            /// The depth of the next tag below the parent: 1 directly within it, more within the child returned last.
            var depth = 0

            init(_ parent: Node) {
                tree = parent.tree
                tokens = Tokenizer(tree.header, count: tree.totalSize, at: parent.structureOffset)
            }

            public mutating func next() -> Node? {
                let offset = tree.withBytes { bytes -> Int? in
                    var offset = tokens.structureOffset
                    while let tag = tokens.next(in: bytes) {
                        switch tag {
                        case .beginNode:
                            depth += 1
                            if depth == 2 { return offset }
                        case .endNode:
                            depth -= 1
                            if depth <= 0 { return nil }
                        case .property, .nop: break
                        case .end: return nil
                        }
                        offset = tokens.structureOffset
                    }
                    return nil
                }
                return offset.map { Node(tree: tree, offset: Int32($0)) }
            }
        }
    }

    /// The properties of a node.
    public struct Properties: Sequence, Sendable {
        let node: Node

        public func makeIterator() -> Iterator { Iterator(node) }

        public struct Iterator: IteratorProtocol {
            let tree: FlattenedTree
            var tokens: Tokenizer

            init(_ node: Node) {
                tree = node.tree
                tokens = Tokenizer(tree.header, count: tree.totalSize, at: node.structureOffset)
                _ = tree.withBytes { tokens.next(in: $0) }
            }

            public mutating func next() -> Property? {
                let place = tree.withBytes { tokens.nextProperty(in: $0) }
                return place.map { Property(tree: tree, $0) }
            }
        }
    }
}
