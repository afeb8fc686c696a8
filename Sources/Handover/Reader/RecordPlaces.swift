import KernelABI

/// The positions of a list's records in memory.
struct RecordPlaces: Sendable {
    /// Runs of consecutive records: the index and the address of the first.
    private var runs: [(first: Int, address: PhysicalAddress)] = []
    private let record: StructureDescription
    private(set) var count = 0

    init(of record: StructureDescription) {
        self.record = record
    }

    mutating func add(_ count: Int, at address: PhysicalAddress) {
        runs.append((self.count, address))
        self.count += count
    }

    /// The record at `index`.
    subscript(index: Int) -> Place {
        let run = runs[..<runs.partitioningIndex { $0.first > index }].last
        return Place(
            record, at: run.flatMap { $0.address.advanced(by: UInt64((index - $0.first) * record.size)) })
    }
}

/// The positions of a handover's records.
struct RecordMap: Sendable {
    /// `nil` if there are none; the same applies to ``flbs``.
    var sessions: RecordPlaces?
    /// By session.
    var files: [RecordPlaces] = []
    var flbs: RecordPlaces?

    /// The record of a session's file; without an address if it is unknown, as for sessions found by a search.
    func file(_ number: Int, ofSession index: Int, _ record: StructureDescription) -> Place {
        files.indices.contains(index) ? files[index][number] : Place(record)
    }
}
