import KernelABI

/// The records of one kind that a kernel reads: out of an array, or out of a chain of blocks.
struct ReceivedRecords: Sendable {
    /// Where each record is, as far as it is at hand.
    private(set) var addresses: [PhysicalAddress] = []
    /// The number that is stated, where there is an array.
    private(set) var statedCount: UInt64?
    private(set) var chain: ReceivedChain?
    /// The array, where it is not at hand.
    private(set) var missing: PhysicalAddress?

    private let pageSize: PageSize

    init(
        at address: PhysicalAddress, count: UInt64?, _ container: RecordContainer, in memory: any PhysicalMemory,
        pageSize: PageSize, taken: inout Set<PhysicalAddress>
    ) {
        self.pageSize = pageSize
        switch container.form {
        case .blockChain:
            let chain = ReceivedChain(at: address, container, in: memory, pageSize: pageSize, taken: &taken)
            self.chain = chain
            for block in chain.blocks {
                add(block.address, min(block.count, UInt64(container.capacity(pageSize: pageSize))), container, memory)
            }
        case .array:
            if let count {
                statedCount = count
            } else {
                // Heads the sessions; the array of files has no header, and its count is in the session.
                let layout = SessionHeaderLayout.layout
                statedCount = try? memory.withBytes(at: address, count: layout.structure.size) { layout.count.read($0) }
            }
            guard let statedCount, taken.insert(address).inserted else {
                if statedCount == nil { missing = address }
                return
            }
            add(address, min(statedCount, UInt64(container.capacity(pageSize: pageSize))), container, memory)
        }
    }

    private mutating func add(
        _ start: PhysicalAddress, _ count: UInt64, _ container: RecordContainer, _ memory: any PhysicalMemory
    ) {
        for index in 0..<count {
            let offset = UInt64(container.headerSize) + index * UInt64(container.record.size)
            guard let address = start.advanced(by: offset),
                (try? memory.withBytes(at: address, count: container.record.size) { _ in true }) != nil
            else {
                missing = missing ?? start
                return
            }
            addresses.append(address)
        }
    }
}
