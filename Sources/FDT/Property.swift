extension FlattenedTree {
    /// A property of a node: a reference to the tree and where the name and the value lie in it.
    public struct Property: Sendable, Hashable, PropertyValue {
        /// The tree that the property is in.
        public let tree: FlattenedTree

        /// From the start of the tree.
        let nameStart: Int
        /// From the start of the tree.
        let value: Range<Int>

        init(tree: FlattenedTree, _ place: Tokenizer.Property) {
            self.tree = tree
            nameStart = place.nameStart
            value = place.value
        }
    }
}

extension FlattenedTree.Property {
    /// The name; bytes that are not UTF-8 are repaired.
    public var name: String { withNameBytes { $0.string } }

    /// Gives the bytes of the name, without its NUL.
    public func withNameBytes<R, E: Error>(_ body: (RawSpan) throws(E) -> R) throws(E) -> R {
        try tree.withBytes { (bytes) throws(E) in
            let end = bytes.firstNUL(from: nameStart, to: bytes.byteCount) ?? bytes.byteCount
            return try body(bytes.extracting(nameStart..<end))
        }
    }

    public func withBytes<R, E: Error>(_ body: (RawSpan) throws(E) -> R) throws(E) -> R {
        try tree.storage.withBytes(in: value, body)
    }

    /// Where the value begins in the tree, in bytes from its first.
    public var valueOffset: Int { value.lowerBound }
}
