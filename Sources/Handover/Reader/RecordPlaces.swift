import KernelABI

/// Where the records of one list lie in memory.
struct RecordPlaces: Sendable {
    /// Records that lie one after the other: the place of the first in the list, and its address.
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

/// Where the records of a handover lie.
struct RecordMap: Sendable {
    /// `nil` if there are none, as for ``flbs``.
    var sessions: RecordPlaces?
    /// By session.
    var files: [RecordPlaces] = []
    var flbs: RecordPlaces?

    /// The record of a session's file: without an address where that is not known, as of sessions that a search found.
    func file(_ number: Int, ofSession index: Int, _ record: StructureDescription) -> Place {
        files.indices.contains(index) ? files[index][number] : Place(record)
    }
}
