import CLibFDT

extension FlattenedTree {
    /// A property of a node: a reference to the tree and where the name and the value lie in it.
    public struct Property: Sendable, Hashable, PropertyValue {
        /// The tree that the property is in.
        public let tree: FlattenedTree

        let offset: Int32
        /// From the start of the tree.
        let nameStart: Int
        /// From the start of the tree.
        let value: Range<Int>

        /// C: `fdt_getprop_by_offset`.
        init?(tree: FlattenedTree, offset: Int32) {
            var length: Int32 = 0
            var name: UnsafePointer<CChar>?
            var nameStart: Int?
            let start = tree.storage.offset { base in
                let value = fdt_getprop_by_offset(base, offset, &name, &length)
                if let base, let name { nameStart = UnsafeRawPointer(name) - base }
                return value
            }
            guard let start, let nameStart, length >= 0 else { return nil }
            self.tree = tree
            self.offset = offset
            self.nameStart = nameStart
            value = start..<start + Int(length)
        }

        init(tree: FlattenedTree, place: StructureReader.Property) {
            self.tree = tree
            offset = Int32(place.structureOffset)
            nameStart = place.nameStart
            value = place.value
        }
    }
}

extension FlattenedTree.Property {
    /// Where the property begins in the structure block, in bytes: libfdt's property offset.
    public var structureOffset: Int { Int(offset) }

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

    /// The size of the value in bytes.
    public var count: Int { value.count }
}
