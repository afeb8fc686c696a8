import KernelABI

/// What was read of a handover.
public struct Reading: Sendable {
    public var state: HandoverState
    /// The pieces of memory that belong to the handover, in the order in which they were reached.
    public var extents: [Extent]
    /// What could not be read, and why; at most 1000 findings are kept.
    public var findings: [Finding]
    /// What else the same bytes can be read as, with as little against it: with another page size.
    public var alternatives: [Reading] = []
    /// The kinds of content that it was read by.
    var kinds = ContentKinds.standard
    /// Where the records of sessions, files and FLBs lie.
    var records = RecordMap()
    /// The generations that the same bytes can be of as well, where nothing at hand tells.
    public internal(set) var otherGenerations: [Generation] = []

    public init(state: HandoverState, extents: [Extent], findings: [Finding]) {
        self.state = state
        self.extents = extents
        self.findings = findings
    }

    /// Whether something is broken, as opposed to not available.
    public var isDamaged: Bool { findings.contains { $0.severity == .damage } }

    /// Whether the input itself is cut short or damaged: what is missing from it, the kernel may have.
    public var isInputDamaged: Bool { findings.contains { $0.cause == .input } }

    /// Whether some of the map of preserved memory could not be read, so that more may be preserved.
    public var isMapIncomplete: Bool {
        findings.contains { $0.owner.isMap && ($0.severity == .unknown || $0.isLost) }
    }
}

extension Finding {
    /// Whether the memory that it is about is not in the input, or damaged there.
    func isNotAtHand(_ inputIsDamaged: Bool) -> Bool {
        cause == .leftOut || cause == .unreadable || inputIsDamaged && cause == .notAvailable
    }

    /// Whether it says what the input lacks, and not what is wrong with the handover.
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
