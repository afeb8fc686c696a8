/// A range of physical memory that the user of a tree must leave alone. C: `struct fdt_reserve_entry`.
public struct MemoryReservation: Sendable, Hashable {
    /// The physical address of the first byte.
    public let address: UInt64
    /// The size in bytes.
    public let size: UInt64

    public init(address: UInt64, size: UInt64) {
        self.address = address
        self.size = size
    }

    /// Reads the entry at an offset; `nil` unless it lies wholly within the bytes.
    init?(_ bytes: RawSpan, at offset: Int) {
        guard let address = bytes.integer(UInt64.self, at: offset, .bigEndian),
            let size = bytes.integer(UInt64.self, at: offset + 8, .bigEndian)
        else { return nil }
        self.init(address: address, size: size)
    }
}

extension FlattenedTree {
    /// The entries of the memory reservation block, without the terminator.
    ///
    /// C: `fdt_num_mem_rsv`, `fdt_get_mem_rsv`. As in libfdt, an entry of size 0 ends the block.
    public var memoryReservations: MemoryReservations { MemoryReservations(tree: self) }

    /// The entries of a tree's memory reservation block.
    public struct MemoryReservations: Sequence, Sendable {
        let tree: FlattenedTree

        public func makeIterator() -> Iterator {
            Iterator(tree: tree, offset: Int(tree.header.memoryReservationOffset))
        }

        public struct Iterator: IteratorProtocol {
            let tree: FlattenedTree
            /// The offset of the next entry from the start of the tree.
            var offset: Int

            public mutating func next() -> MemoryReservation? {
                let entry = tree.withBytes { MemoryReservation($0, at: offset) }
                guard let entry, entry.size != 0 else { return nil }
                offset += 16
                return entry
            }
        }
    }
}
