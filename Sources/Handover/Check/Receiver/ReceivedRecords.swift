import KernelABI

/// The records of one kind that a kernel reads: out of an array, or out of a chain of blocks.
struct ReceivedRecords: Sendable {
    /// The number that is stated, where there is an array.
    private(set) var statedCount: UInt64?
    private(set) var chain: ReceivedChain?
    /// The array, where it is not at hand.
    private(set) var missing: PhysicalAddress?

    /// Hands the records that are at hand to `records`, in pieces: the bytes that they are in, where in these they
    /// begin, and where in memory the bytes do.
    init(
        at address: PhysicalAddress, count: UInt64?, _ container: RecordContainer, as role: Extent.Role,
        _ context: ReadingContext, _ log: inout ReadingLog, records: (RawSpan, AdjacentRecords, PhysicalAddress) -> Void
    ) {
        let memory = context.memory
        let capacity = container.capacity(pageSize: context.pageSize)
        switch container.form {
        case .blockChain:
            let chain = ReceivedChain(at: address, container, as: role, context, &log)
            self.chain = chain
            for block in chain.blocks {
                read(min(block.count, UInt64(capacity)), at: block.address, container, memory, records)
            }
        case .array:
            if let count {
                statedCount = count
            } else {
                // Heads the sessions; the array of files has no header, and its count is in the session.
                let layout = SessionHeaderLayout.layout
                statedCount = try? memory.withBytes(at: address, count: layout.structure.size) { layout.count.read($0) }
            }
            guard let statedCount, log.visit(address, as: role) else {
                if statedCount == nil { missing = address }
                return
            }
            read(min(statedCount, UInt64(capacity)), at: address, container, memory, records)
        }
    }

    /// Reads the records of one allocation: all at once, or else those before the first that is not at hand.
    private mutating func read(
        _ count: UInt64, at start: PhysicalAddress, _ container: RecordContainer, _ memory: any PhysicalMemory,
        _ records: (RawSpan, AdjacentRecords, PhysicalAddress) -> Void
    ) {
        let count = Int(count)
        let size = container.record.size
        let isWhole: Void? = try? memory.withBytes(at: start, count: container.headerSize + count * size) { bytes in
            records(bytes, AdjacentRecords(from: container.headerSize, size: size, count: count), start)
        }
        if isWhole != nil { return }
        for index in 0..<count {
            guard let address = start.advanced(by: UInt64(container.headerSize + index * size)),
                (try? memory.withBytes(at: address, count: size) {
                    records($0, AdjacentRecords(from: 0, size: size, count: 1), address)
                }) != nil
            else {
                missing = missing ?? start
                return
            }
        }
    }
}
