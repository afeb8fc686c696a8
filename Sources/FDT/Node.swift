import CLibFDT

extension FlattenedTree {
    /// A node of a tree: a reference to the tree and an offset. Cheap to make and to copy.
    public struct Node: Sendable, Hashable {
        /// The tree that the node is in.
        public let tree: FlattenedTree

        let offset: Int32

        init(tree: FlattenedTree, offset: Int32) {
            self.tree = tree
            self.offset = offset
        }
    }
}

extension FlattenedTree.Node {
    /// Where the node begins in the structure block, in bytes: libfdt's node offset. 0 for the root.
    public var structureOffset: Int { Int(offset) }

    /// The name with its unit address, empty for the root; bytes that are not UTF-8 are repaired.
    /// C: `fdt_get_name`.
    public var name: String { withNameBytes { $0.string } }

    /// Gives the bytes of the name, without its NUL.
    public func withNameBytes<R, E: Error>(_ body: (RawSpan) throws(E) -> R) throws(E) -> R {
        try tree.withBytes { (bytes) throws(E) in
            var reader = StructureReader(tree.header, count: tree.totalSize, at: structureOffset)
            guard case .beginNode(let name) = reader.next(in: bytes) else { return try body(RawSpan()) }
            return try body(bytes.extracting(reader.nodeName(name, in: bytes) ?? name))
        }
    }

    /// The path from the root, `/` for the root itself. C: `fdt_get_path`.
    ///
    /// Reads the tree from its start: to know the paths of many nodes, follow ``FlattenedTree/walk`` instead.
    public var path: String {
        // No path is longer than the names in the tree.
        var size = 256
        while size <= 4 * (tree.totalSize + 256) {
            var result: Int32 = 0
            let path = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
                buffer.withMemoryRebound(to: CChar.self) {
                    result = fdt_get_path(tree.storage.bytes, offset, $0.baseAddress, Int32(clamping: $0.count))
                }
                count = result == 0 ? buffer.firstIndex(of: 0) ?? 0 : 0
            }
            guard result == -FDT_ERR_NOSPACE else { return String(decoding: path, as: UTF8.self) }
            size *= 4
        }
        return ""
    }

    /// How many steps below the root the node is: 0 for the root. Reads the tree from its start. C: `fdt_node_depth`.
    public var depth: Int { Int(max(0, fdt_node_depth(tree.storage.bytes, offset))) }

    /// The node that this one is a child of, nil for the root. Reads the tree from its start. C: `fdt_parent_offset`.
    public var parent: FlattenedTree.Node? {
        let parent = fdt_parent_offset(tree.storage.bytes, offset)
        return parent < 0 ? nil : FlattenedTree.Node(tree: tree, offset: parent)
    }

    /// The direct children, in the order of the tree. C: `fdt_first_subnode`, `fdt_next_subnode`.
    public var children: FlattenedTree.Children { FlattenedTree.Children(parent: self) }

    /// The properties, in the order of the tree.
    ///
    /// C: `fdt_first_property_offset`, `fdt_next_property_offset`: properties that wrongly follow a subnode are not
    /// among them, though ``FlattenedTree/walk`` shows them.
    public var properties: FlattenedTree.Properties { FlattenedTree.Properties(node: self) }

    /// The child of a name. C: `fdt_subnode_offset`.
    ///
    /// The whole name has to be the same, but for one rule of libfdt: a name without a unit address (`memory`) also
    /// finds the first child that has this name and any unit address (`memory@0`).
    public func subnode(named name: String) -> FlattenedTree.Node? {
        var name = name
        let child = name.withUTF8 { utf8 in
            utf8.withMemoryRebound(to: CChar.self) {
                fdt_subnode_offset_namelen(tree.storage.bytes, offset, $0.baseAddress, Int32(clamping: $0.count))
            }
        }
        return child < 0 ? nil : FlattenedTree.Node(tree: tree, offset: child)
    }

    /// The property of a name. C: `fdt_getprop`.
    public func property(_ name: String) -> FlattenedTree.Property? {
        tree.withBytes { bytes in
            let utf8 = name.utf8
            var reader = StructureReader(tree.header, count: tree.totalSize, at: structureOffset)
            _ = reader.next(in: bytes)
            while let place = reader.nextProperty(in: bytes) {
                if bytes.holds(utf8.span.bytes, at: place.nameStart) {
                    return FlattenedTree.Property(tree: tree, place: place)
                }
            }
            return nil
        }
    }

    /// Whether the list of strings in `compatible` has the string, at any place. C: `fdt_node_check_compatible`.
    public func isCompatible(with compatible: String) -> Bool {
        fdt_node_check_compatible(tree.storage.bytes, offset, compatible) == 0
    }

    /// The phandle that other nodes refer to this one by, or nil. C: `fdt_get_phandle`.
    public var phandle: UInt32? {
        let phandle = fdt_get_phandle(tree.storage.bytes, offset)
        return phandle == 0 || phandle == .max ? nil : phandle
    }
}

extension FlattenedTree.Node: CustomStringConvertible {
    public var description: String { path }
}

extension FlattenedTree {
    /// The direct children of a node.
    public struct Children: Sequence, Sendable {
        let parent: Node

        public func makeIterator() -> Iterator { Iterator(parent) }

        public struct Iterator: IteratorProtocol {
            let tree: FlattenedTree
            var reader: StructureReader
            /// How deep the next tag is below the parent: 1 within it, more within the child that was given last.
            var depth = 0

            init(_ parent: Node) {
                tree = parent.tree
                reader = StructureReader(tree.header, count: tree.totalSize, at: parent.structureOffset)
            }

            public mutating func next() -> Node? {
                let offset = tree.withBytes { bytes -> Int? in
                    var offset = reader.structureOffset
                    while let tag = reader.next(in: bytes) {
                        switch tag {
                        case .beginNode:
                            depth += 1
                            if depth == 2 { return offset }
                        case .endNode:
                            depth -= 1
                            if depth <= 0 { return nil }
                        case .property, .nop: break
                        case .end, .endlessProperty: return nil
                        }
                        offset = reader.structureOffset
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
            var reader: StructureReader

            init(_ node: Node) {
                tree = node.tree
                reader = StructureReader(tree.header, count: tree.totalSize, at: node.structureOffset)
                _ = tree.withBytes { reader.next(in: $0) }
            }

            public mutating func next() -> Property? {
                let place = tree.withBytes { reader.nextProperty(in: $0) }
                return place.map { Property(tree: tree, place: $0) }
            }
        }
    }
}
