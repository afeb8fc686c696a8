import KernelABI

/// The result of reading a handover.
public struct Reading: Sendable {
    public var state: HandoverState
    /// The pieces of memory that belong to the handover, in the order in which they were read.
    public var extents: [Extent]
    /// What could not be read, and why; at most 1000 findings are kept.
    public var findings: [Finding]
    /// Readings with other page sizes that fit the same bytes equally well.
    public var alternatives: [Reading] = []
    /// The kinds of content used for reading.
    var kinds = ContentKinds.standard
    /// The positions of the session, file and FLB records.
    var records = RecordMap()
    /// Other generations that the bytes may be from, if nothing available distinguishes them.
    public internal(set) var otherGenerations: [Generation] = []

    public init(state: HandoverState, extents: [Extent], findings: [Finding]) {
        self.state = state
        self.extents = extents
        self.findings = findings
    }

    /// Whether something is broken, as opposed to unavailable.
    public var isDamaged: Bool { findings.contains { $0.severity == .damage } }

    /// Whether the input itself is truncated or damaged: the kernel may have what is missing from it.
    public var isInputDamaged: Bool { findings.contains { $0.cause == .input } }

    /// Whether part of the map of preserved memory could not be read, so that more memory may be preserved.
    public var isMapIncomplete: Bool {
        findings.contains { $0.owner.isMap && ($0.severity == .unknown || $0.isLost) }
    }
}

extension Finding {
    /// Whether the memory concerned is missing from the input, or damaged in it.
    func isNotAtHand(_ inputIsDamaged: Bool) -> Bool {
        cause == .leftOut || cause == .unreadable || inputIsDamaged && cause == .notAvailable
    }

    /// Whether this is about what the input lacks, not about a fault in the handover.
    func isOfTheInput(_ inputIsDamaged: Bool) -> Bool {
        severity == .unknown || cause == .input || isNotAtHand(inputIsDamaged)
    }
}

extension Reading {
    init(_ state: HandoverState, _ log: ReadingLog) {
        self.init(state: state, extents: log.extents, findings: log.findings)
        records = log.records
        otherGenerations = log.otherGenerations
        kinds = log.kinds
    }
}
