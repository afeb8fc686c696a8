import KernelABI

/// A session as a kernel reads it.
struct ReceivedSession: Sendable {
    let address: PhysicalAddress
    let name: KernelString
    let filesAddress: PhysicalAddress
    let count: UInt64
    /// `nil` where the session has no files.
    private(set) var records: ReceivedRecords?
    private(set) var files: [ReceivedFile] = []

    /// The name that the kernel's copy leaves: at most one byte less than the field, for the NUL.
    var keptName: [UInt8] { Array(name.bytes.prefix(SessionLayout.layout.name.count - 1)) }

    var owner: Owner { .session(name) }

    /// Reads the session at `address`, and its files.
    init?(
        at address: PhysicalAddress, _ abi: Generation.LUOState, _ context: ReadingContext, handlers: Handlers,
        taken: inout Set<PhysicalAddress>, _ log: inout ReadingLog
    ) {
        let layout = SessionLayout.layout
        let set = layout.fileSet
        let record = try? context.memory.withBytes(at: address, count: layout.structure.size) { bytes in
            (
                name: layout.name.read(bytes), files: set.layout.files.read(bytes, at: set.offset),
                count: set.layout.count.read(bytes, at: set.offset)
            )
        }
        guard let record else { return nil }
        self.address = address
        name = record.name
        filesAddress = record.files
        count = record.count
        guard filesAddress.rawValue != 0 else { return }
        let records = ReceivedRecords(
            at: filesAddress, count: count, abi.files, in: context.memory, pageSize: context.pageSize, taken: &taken)
        self.records = records
        for address in records.addresses {
            if let file = ReceivedFile(at: address, of: name, context, handlers: handlers, &log) { files.append(file) }
        }
    }
}

/// The file handlers that a kernel has.
struct Handlers: Sendable {
    let memfd: [Generation.MemFDHandler]
    let others: Set<String>

    func contains(_ name: KernelString) -> Bool {
        guard name.isTerminated, let name = name.validString else { return false }
        return others.contains(name) || memfd.contains { $0.compatible == name }
    }

    var names: String { (memfd.map(\.compatible) + others.sorted()).map { "\"\($0)\"" }.joined(separator: ", ") }
}

/// A file as a kernel reads it.
struct ReceivedFile: Sendable {
    let address: PhysicalAddress
    let compatible: KernelString
    let data: UInt64
    let token: UInt64
    let owner: Owner
    /// The descriptor, where the file is a memfd and its descriptor is at hand.
    let memfd: MemFDState?
    let isMemFD: Bool

    init?(
        at address: PhysicalAddress, of session: KernelString, _ context: ReadingContext, handlers: Handlers,
        _ log: inout ReadingLog
    ) {
        let layout = FileLayout.layout
        let record = try? context.memory.withBytes(at: address, count: layout.structure.size) { bytes in
            (
                compatible: layout.compatible.read(bytes), data: layout.data.read(bytes),
                token: layout.token.read(bytes)
            )
        }
        guard let record else { return nil }
        self.address = address
        compatible = record.compatible
        data = record.data
        token = record.token
        let owner = Owner.file(session: session, token: record.token)
        self.owner = owner
        let handler = handlers.memfd.first {
            record.compatible.isTerminated && $0.compatible == record.compatible.validString
        }
        isMemFD = handler != nil
        memfd = handler.flatMap {
            MemFDReader(context: context, layout: $0.layout).read(at: PhysicalAddress(record.data), owner: owner, &log)
        }
    }
}
