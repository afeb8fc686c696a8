import KernelABI
import SystemPackage

/// A machine's memory: one file of any known format, or several.
struct MemoryImage: Sendable {
    let memory: any PhysicalMemory
    /// Whether the machine is running.
    var isLive = false
    private let damage: [Finding]
    /// The files that are parts of a split dump.
    private let parts: [CrashDump]

    init(memory: any PhysicalMemory, findings: [Finding] = [], parts: [CrashDump] = []) {
        self.memory = memory
        damage = findings
        self.parts = parts
    }

    /// Opens a file with a format that can be identified, or raw memory that starts at `options.rawAddress`.
    init(path: FilePath, options: InputOptions) throws(InputError) {
        try self.init(InputSource(path), options)
    }

    /// Reads an open file with such a format.
    init(_ source: InputSource, _ options: InputOptions) throws(InputError) {
        let path = source.path
        guard let file = source.file else { throw .file(.isDirectory(path: path)) }
        let start = source.prefix(ImageForm.prefix)
        var form = ImageForm.all.first { $0.refusal(start.span.bytes) == nil }
        if form == nil, options.rawAddress != nil { form = .raw }
        guard let form else {
            if let compressed = source.compression { throw compressed }
            if let text = source.text { throw .notHandover(path: path, what: text) }
            throw .notRecognised(
                path: path,
                attempts: ImageForm.all.map { form in
                    InputError.Attempt(kind: form.name, reason: form.refusal(start.span.bytes) ?? "")
                })
        }
        self = try form.open(file, options)
    }

    /// Joins several images into one memory: if two contain an address, the first is used.
    init(joining images: [MemoryImage]) {
        memory = images.count == 1 ? images[0].memory : LayeredMemory(images.map(\.memory))
        isLive = images.contains(where: \.isLive)
        damage = images.flatMap(\.damage)
        parts = images.flatMap(\.parts)
    }

    /// Whether to search it for what no pointer refers to.
    func isSearched(_ options: InputOptions) -> Bool { !isLive || options.searches }

    /// Faults in the files that do not prevent reading them.
    var findings: [Finding] {
        guard let first = parts.first else { return damage }
        let ranges = parts.compactMap(\.part).sorted { $0.lowerBound < $1.lowerBound }
        let whole = PhysicalAddress(0)..<first.end
        let missing = whole.firstAddress(outside: mergeAdjacent(ranges))
        if missing >= whole.upperBound { return damage }
        let number = ranges.count > 1 || missing == whole.lowerBound ? "some parts" : "part 1"
        return damage + [
            Finding(
                .input, of: .input, at: Place("memory image"),
                found: "\(number) of a split dump: none with the memory at \(missing)",
                expected: "all parts, given together")
        ]
    }
}
