import CLibFDT

/// A range of physical memory that the reader of a tree must leave alone. C: `struct fdt_reserve_entry`.
public struct MemoryReservation: Sendable, Hashable {
    /// The physical address of the first byte.
    public let address: UInt64
    /// The size in bytes.
    public let size: UInt64

    public init(address: UInt64, size: UInt64) {
        self.address = address
        self.size = size
    }
}

extension FlattenedTree {
    /// The entries of the memory reservation block, without the terminator.
    ///
    /// C: `fdt_num_mem_rsv`, `fdt_get_mem_rsv`. As there, an entry of size 0 ends the block.
    public var memoryReservations: MemoryReservations { MemoryReservations(tree: self) }

    /// The entries of a tree's memory reservation block.
    public struct MemoryReservations: Sequence, Sendable {
        let tree: FlattenedTree

        public func makeIterator() -> Iterator { Iterator(tree: tree) }

        public struct Iterator: IteratorProtocol {
            let tree: FlattenedTree
            var index: Int32 = 0

            public mutating func next() -> MemoryReservation? {
                var address: UInt64 = 0
                var size: UInt64 = 0
                guard fdt_get_mem_rsv(tree.storage.bytes, index, &address, &size) == 0, size != 0 else { return nil }
                index += 1
                return MemoryReservation(address: address, size: size)
            }
        }
    }
}
