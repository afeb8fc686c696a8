import KernelABI

/// Reads the records of files, session by session.
///
/// There can be a million, and nearly all name one of a few handlers: each name is stored once.
struct FileReader {
    /// The files of the current session.
    var files: [FileState] = []
    /// The start of each run of files with the same handler.
    private(set) var runs: [Int] = []
    private(set) var places: RecordPlaces
    private var handler = KernelString(bytes: [])
    /// The first `mostHandlers` names, with the kinds of their files once requested.
    private var handlers: [(name: KernelString, kinds: [any ContentKind]?)] = []
    private let layout: FileLayout

    private static let mostHandlers = 16
    /// The most files to reserve space for before reading any record: the stated number may be meaningless.
    private static let mostExpected: UInt64 = 4096

    init(layout: FileLayout) {
        self.layout = layout
        places = RecordPlaces(of: layout.structure)
    }

    /// The kinds of a handler's files; cached for the first few names.
    mutating func candidates(of name: KernelString, _ lookUp: () -> [any ContentKind]) -> [any ContentKind] {
        guard let place = handlers.firstIndex(where: { $0.name == name }) else { return lookUp() }
        if let known = handlers[place].kinds { return known }
        let kinds = lookUp()
        handlers[place].kinds = kinds
        return kinds
    }

    /// Starts a session that states that it has `count` files.
    mutating func begin(expecting count: UInt64) {
        files = []
        files.reserveCapacity(Int(min(count, Self.mostExpected)))
        runs = []
        places = RecordPlaces(of: layout.structure)
    }

    /// Reads consecutive records, run by run.
    mutating func add(_ bytes: RawSpan, _ records: AdjacentRecords, at address: PhysicalAddress) {
        places.add(records.count, at: address)
        let (token, data) = (layout.token, layout.data)
        var start = 0
        while start < records.count {
            if files.isEmpty || !layout.compatible.holds(handler, bytes, at: records[start]) {
                handler = readHandler(bytes, at: records[start])
                runs.append(files.count)
            }
            let handler = handler
            let end = records.endOfRun(from: start, of: handler, in: layout.compatible, bytes)
            files.append(addingCapacity: end - start) { files in
                for base in records[start..<end] {
                    files.append(
                        FileState(
                            token: token.read(bytes, at: base), compatible: handler, data: data.read(bytes, at: base)))
                }
            }
            start = end
        }
        guard !layout.further.isEmpty else { return }
        for (index, base) in zip(files.indices.suffix(records.count), records) {
            files[index].further = layout.further(of: bytes, at: base)
        }
    }

    private mutating func readHandler(_ bytes: RawSpan, at base: Int) -> KernelString {
        for (name, _) in handlers where layout.compatible.holds(name, bytes, at: base) { return name }
        let name = layout.compatible.read(bytes, at: base)
        if handlers.count < Self.mostHandlers { handlers.append((name, nil)) }
        return name
    }
}
