import KernelABI

/// Reads records (sessions, files, FLBs) from the array or the chain of blocks that contains them.
struct RecordReader<Record: KernelStructure> {
    let context: ReadingContext
    let container: RecordContainer<Record>
    let role: Extent.Role
    let owner: Owner

    /// Receives consecutive records: the bytes that contain them, their positions in these bytes, and the physical
    /// address of the first.
    typealias Records = (RawSpan, AdjacentRecords, PhysicalAddress) -> Void

    /// Reads an array whose number of records is in `count`, a field at `place`, or in its header.
    ///
    /// - Returns: The stated count, which may exceed the number of records read; `nil`, with a finding, if the address
    ///   is misaligned or already visited, or the header cannot be read.
    mutating func readArray(
        at address: PhysicalAddress, count stated: UInt64? = nil, countedAt place: @autoclosure () -> Place? = nil,
        _ log: inout ReadingLog, header: (RawSpan) -> Void = { _ in }, records: Records
    ) -> UInt64? {
        let structure = container.header?.structure
        let name = structure?.name ?? container.record.structure.name
        guard context.isAligned(address, name, of: owner, &log),
            log.visit(address, as: role, structure: name, of: owner)
        else {
            return nil
        }
        var count = stated ?? 0
        if let found = container.header {
            let read = context.read(name, of: owner, at: address, count: container.headerSize, &log) { bytes in
                header(bytes)
                return found.count.read(bytes)
            }
            guard let read else { return nil }
            count = stated ?? read
        }
        let capacity = container.capacity(pageSize: context.pageSize)
        if count > UInt64(capacity) {
            log.report(
                .count, of: owner,
                at: place() ?? container.header.map { Place($0.structure, at: address).field($0.count) }
                    ?? Place(name, at: address), found: "\(count)",
                expected: "at most \(capacity): the kernel would read past the pages")
        }
        let present = Int(min(count, UInt64(capacity)))
        readRecords(present, at: address, &log, records)
        log.add(
            role, .records(header: container.header?.structure, record: container.record.structure, count: present),
            at: address, container.pagesPerAllocation * context.pageSize.bytes, of: owner)
        return count
    }

    /// Reads the blocks of a chain.
    ///
    /// - Returns: The blocks that could be read, and whether the chain is valid.
    mutating func readChain(
        at first: PhysicalAddress, _ log: inout ReadingLog, records: Records
    ) -> (blocks: [BlockState], isWhole: Bool) {
        let layout = BlockHeaderLayout.layout
        let name = layout.structure.name
        let capacity = container.capacity(pageSize: context.pageSize)
        var blocks: [BlockState] = []
        var isWhole = true
        var next = first
        while next.rawValue != 0 {
            guard blocks.count < container.allocationLimit else {
                log.report(
                    .tooLong, of: owner.block(blocks.count),
                    at: Place(layout.structure, at: blocks.last?.address).field(layout.next), found: "\(next)",
                    expected: "the end of the chain after \(container.allocationLimit) blocks")
                return (blocks, false)
            }
            let address = next
            let owner = owner.block(blocks.count + 1)
            guard context.isAligned(address, name, of: owner, &log) else { return (blocks, false) }
            let isNew = log.visit(address, as: role)
            if !isNew, blocks.contains(where: { $0.address == address }) {
                log.report(
                    .cyclic, of: owner, at: Place(layout.structure, at: blocks.last?.address).field(layout.next),
                    found: "\(address), which is already in the chain", expected: "a chain that ends")
                return (blocks, false)
            }
            guard isNew || log.visit(address, as: role, structure: name, of: owner) else { return (blocks, false) }
            guard
                let header = context.read(
                    name, of: owner, at: address, count: layout.structure.size, &log,
                    { (next: layout.next.read($0), count: layout.count.read($0)) })
            else { return (blocks, false) }
            if header.count == 0 || header.count > UInt64(capacity) {
                isWhole = false
                log.report(
                    .count, of: owner, at: Place(layout.structure, at: address).field(layout.count),
                    found: "\(header.count)", expected: "1 to \(capacity)")
            }
            let present = Int(min(header.count, UInt64(capacity)))
            readRecords(present, at: address, &log, records)
            blocks.append(BlockState(address: address, count: header.count))
            log.add(
                role, .records(header: container.header?.structure, record: container.record.structure, count: present),
                at: address, context.pageSize.bytes, of: owner)
            next = header.next
        }
        return (blocks, isWhole)
    }

    /// Calls `body` with all records, or with those available.
    private func readRecords(
        _ count: Int, at address: PhysicalAddress, _ log: inout ReadingLog, _ body: Records
    ) {
        guard count > 0 else { return }
        let size = container.record.structure.size
        let start = container.headerSize
        do throws(MemoryError) {
            try context.memory.withBytes(at: address, count: start + count * size) { bytes in
                let first = PhysicalAddress(address.rawValue &+ UInt64(start))
                body(bytes, AdjacentRecords(from: start, size: size, count: count), first)
            }
        } catch {
            for index in 0..<count {
                guard let place = address.advanced(by: UInt64(start + index * size)),
                    context.read(
                        container.record.structure.name, of: owner, at: place, count: size, &log,
                        { body($0, AdjacentRecords(from: 0, size: size, count: 1), place) }) != nil
                else { return }
            }
        }
    }
}

/// The positions of consecutive records in a piece of memory.
struct AdjacentRecords: RandomAccessCollection {
    private let first: Int
    private let size: Int
    let count: Int

    init(from first: Int, size: Int, count: Int) {
        self.first = first
        self.size = size
        self.count = count
    }

    var startIndex: Int { 0 }
    var endIndex: Int { count }
    subscript(index: Int) -> Int { first + index * size }

    /// The end of the run of records from `start` on with the same string in `field` as the first.
    ///
    /// - Parameter string: The first record's string.
    func endOfRun(from start: Int, of string: KernelString, in field: CharacterField, _ bytes: RawSpan) -> Int {
        var end = start + 1
        while end < count, field.holds(string, bytes, at: self[end]) { end += 1 }
        return end
    }
}
