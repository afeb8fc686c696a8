extension FlattenedTree {
    /// A property of a node: a reference to the tree and the positions of the name and the value in it.
    public struct Property: Sendable, Hashable, PropertyValue {
        /// The tree that contains the property.
        public let tree: FlattenedTree

        /// An offset from the start of the tree.
        let nameStart: Int
        /// Offsets from the start of the tree.
        let value: Range<Int>

        init(tree: FlattenedTree, _ place: Tokenizer.Property) {
            self.tree = tree
            nameStart = place.nameStart
            value = place.value
        }
    }
}

extension FlattenedTree.Property {
    /// The name; invalid UTF-8 is replaced.
    public var name: String { withNameBytes { $0.string } }

    /// Calls `body` with the bytes of the name, without the NUL.
    public func withNameBytes<R, E: Error>(_ body: (RawSpan) throws(E) -> R) throws(E) -> R {
        try tree.withBytes { (bytes) throws(E) in
            let end = bytes.firstNUL(from: nameStart, to: bytes.byteCount) ?? bytes.byteCount
            return try body(bytes.extracting(nameStart..<end))
        }
    }

    public func withBytes<R, E: Error>(_ body: (RawSpan) throws(E) -> R) throws(E) -> R {
        try tree.storage.withBytes(in: value, body)
    }

    /// The offset of the value in bytes from the start of the tree.
    public var valueOffset: Int { value.lowerBound }
}
