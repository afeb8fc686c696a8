import KernelABI

/// A chain of blocks as a kernel goes through it: `kho_block_set_restore`.
struct ReceivedChain: Sendable {
    /// The blocks that are taken, with the counts that they state.
    private(set) var blocks: [(address: PhysicalAddress, count: UInt64)] = []
    private(set) var end = End.whole

    /// How going through it ends.
    enum End: Sendable {
        case whole
        /// A block is linked to a second time.
        case cyclic(PhysicalAddress)
        /// There are more blocks than a kernel takes.
        case tooLong(PhysicalAddress)
        /// A block without records, or with more than it has room for.
        case badCount(PhysicalAddress, UInt64)
        /// A link leads to where no memory is at hand.
        case outside(PhysicalAddress, linkedFrom: PhysicalAddress?)
        /// A block belongs to another chain as well.
        case shared(PhysicalAddress)
    }

    /// - Parameter log: has the blocks of all chains so far: none of the same role is gone through twice.
    init(
        at first: PhysicalAddress, _ container: RecordContainer, as role: Extent.Role, _ context: ReadingContext,
        _ log: inout ReadingLog
    ) {
        let layout = BlockHeaderLayout.layout
        let capacity = UInt64(container.capacity(pageSize: context.pageSize))
        var next = first
        // As the kernel does: the links of the whole chain first, then the counts.
        while next.rawValue != 0 {
            if log.hasVisited(next, as: role) {
                if blocks.contains(where: { $0.address == next }) {
                    end = .cyclic(next)
                    return
                }
                end = .shared(next)
                break
            }
            guard blocks.count < container.allocationLimit else {
                end = .tooLong(next)
                return
            }
            let header = try? context.memory.withBytes(at: next, count: layout.structure.size) { bytes in
                (next: layout.next.read(bytes), count: layout.count.read(bytes))
            }
            guard let header else {
                end = .outside(next, linkedFrom: blocks.last?.address)
                return
            }
            _ = log.visit(next, as: role)
            blocks.append((next, header.count))
            next = header.next
        }
        if let index = blocks.firstIndex(where: { $0.count == 0 || $0.count > capacity }) {
            end = .badCount(blocks[index].address, blocks[index].count)
        }
    }
}
