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
    /// The files, in runs of those that name the same handler: a session can have thousands, of few handlers.
    private(set) var runs: [Run] = []
    /// The memfds whose descriptors are at hand.
    private(set) var memfds: [ReceivedMemFD] = []

    /// Adjacent files that name the same handler.
    struct Run: Sendable {
        let compatible: KernelString
        /// Their places in ``files``.
        let files: Range<Int>
    }

    /// The name that the kernel's copy leaves: at most one byte less than the field, for the NUL.
    var keptName: [UInt8] {
        let limit = SessionLayout.layout.name.count - 1
        return name.bytes.count <= limit ? name.bytes : Array(name.bytes.prefix(limit))
    }

    var owner: Owner { .session(name) }
    /// The session's record.
    var place: Place { Place(SessionLayout.layout.structure, at: address) }
    /// The record's member that leads to the files.
    var fileSet: Place { place.field(SessionLayout.layout.fileSet) }

    func owner(of file: ReceivedFile) -> Owner { .file(session: name, token: file.token) }

    /// Reads the record that begins `base` bytes into `bytes`; its files are read by themselves.
    init(_ bytes: RawSpan, at base: Int, address: PhysicalAddress) {
        let layout = SessionLayout.layout
        let set = layout.fileSet
        self.address = address
        name = layout.name.read(bytes, at: base)
        filesAddress = set.layout.files.read(bytes, at: base + set.offset)
        count = set.layout.count.read(bytes, at: base + set.offset)
    }

    /// Reads the session's files, and the memfds among them.
    mutating func readFiles(
        _ container: RecordContainer, _ context: ReadingContext, handlers: Handlers, _ log: inout ReadingLog
    ) {
        guard filesAddress.rawValue != 0 else { return }
        let layout = FileLayout.layout
        var files: [ReceivedFile] = []
        // A count may mean nothing: no room is made for more than this before there is a record.
        files.reserveCapacity(Int(min(count, 4096)))
        var runs: [Run] = []
        var compatible = KernelString(bytes: [])
        var first = 0
        records = ReceivedRecords(
            at: filesAddress, count: count, container, as: .files, context, &log
        ) { bytes, records, start in
            var index = 0
            while index < records.count {
                if files.isEmpty || !layout.compatible.holds(compatible, bytes, at: records[index]) {
                    if !files.isEmpty { runs.append(Run(compatible: compatible, files: first..<files.count)) }
                    first = files.count
                    compatible = layout.compatible.read(bytes, at: records[index])
                }
                let end = records.endOfRun(from: index, of: compatible, in: layout.compatible, bytes)
                files.append(addingCapacity: end - index) { files in
                    for base in records[index..<end] {
                        files.append(
                            ReceivedFile(
                                address: PhysicalAddress(start.rawValue + UInt64(base)),
                                data: layout.data.read(bytes, at: base), token: layout.token.read(bytes, at: base)))
                    }
                }
                index = end
            }
        }
        if !files.isEmpty { runs.append(Run(compatible: compatible, files: first..<files.count)) }
        self.files = files
        self.runs = runs
        for run in runs {
            guard let handler = handlers.memfd(named: run.compatible) else { continue }
            for file in files[run.files] {
                let owner = owner(of: file)
                let descriptor = handler.reader.read(at: PhysicalAddress(file.data), owner: owner, &log)
                guard let descriptor else { continue }
                memfds.append(ReceivedMemFD(file, owner, handler.layout, descriptor))
            }
        }
    }
}

/// The file handlers that a kernel has.
struct Handlers: Sendable {
    private let memfds: [MemFDHandler]
    private let others: [KernelString]

    final class MemFDHandler: Sendable {
        let name: KernelString
        let layout: MemFDLayout
        let reader: MemFDReader

        init?(_ handler: Generation.FileHandler, _ context: ReadingContext) {
            guard let layout = handler.layout as? MemFDLayout else { return nil }
            name = KernelString(handler.compatible)
            self.layout = layout
            reader = MemFDReader(context: context, layout: layout)
        }
    }

    init(_ generation: Generation, others: Set<String>, _ context: ReadingContext) {
        memfds = generation.fileHandlers.compactMap { MemFDHandler($0, context) }
        self.others = others.sorted().map { KernelString($0) }
    }

    func contains(_ name: KernelString) -> Bool {
        memfd(named: name) != nil || others.contains(name)
    }

    func memfd(named name: KernelString) -> MemFDHandler? {
        for handler in memfds where handler.name == name { return handler }
        return nil
    }

    var names: String {
        (memfds.map(\.name) + others).map { "\"\($0)\"" }.joined(separator: ", ")
    }
}

/// A file as a kernel reads it.
struct ReceivedFile: Sendable {
    let address: PhysicalAddress
    let data: UInt64
    let token: UInt64

    var place: Place { Place(FileLayout.layout.structure, at: address) }
}

/// A memfd as a kernel reads it; a class, as every rule comes past all of them.
final class ReceivedMemFD: Sendable {
    let file: ReceivedFile
    let owner: Owner
    /// What the kernel reads the descriptor by.
    let layout: MemFDLayout
    let descriptor: MemFDState

    var place: Place { Place(layout.structure, at: PhysicalAddress(file.data)) }

    init(_ file: ReceivedFile, _ owner: Owner, _ layout: MemFDLayout, _ descriptor: MemFDState) {
        self.file = file
        self.owner = owner
        self.layout = layout
        self.descriptor = descriptor
    }
}
