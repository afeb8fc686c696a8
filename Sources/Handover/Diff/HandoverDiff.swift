import KernelABI

/// What changed between two handovers: sessions by name, files by token, FLBs and regions by name, preserved memory as
/// ranges; then where it all lies.
public struct HandoverDiff: Sendable {
    /// One thing that is not the same.
    public struct Change: Hashable, Sendable {
        /// What it is about: `session "vm-alpha", file 0x1000, size`.
        public var subject: String
        /// What it is in the one handover; `nil` if it is in the other alone.
        public var before: String?
        public var after: String?
        /// Whether it is about addresses and layout, rather than about what is handed over.
        public var isLayout: Bool

        public init(subject: String, before: String?, after: String?, isLayout: Bool) {
            self.subject = subject
            self.before = before
            self.after = after
            self.isLayout = isLayout
        }
    }

    /// One side of the comparison.
    public struct Side: Sendable {
        public var state: HandoverState
        /// Where the contents of files are, if they are available.
        public var memory: (any PhysicalMemory)?
        /// Opens the files that a document names; `nil` if the side is no document.
        var openFile: (@Sendable (String) throws(FileError) -> MappedFile)?
        /// The pieces of memory that describe the handover.
        public var extents: [Extent] = []
        /// What it means that a value is not in ``state``.
        public var absence = Absence.unstated

        /// Whether some of the map of preserved memory is not in the input, so that more may be preserved.
        var mapIsIncomplete = false

        /// The generations that ``state`` can be of as well.
        var otherGenerations: [Generation] = []

        /// Whether it is what a kernel will hand over: it writes some of that at the moment of kexec.
        var isOutgoing = false

        /// An address, unless it is to be written yet.
        func written(_ address: PhysicalAddress?) -> PhysicalAddress? {
            isOutgoing && address?.rawValue == 0 ? nil : address
        }

        /// What it means that a value is missing.
        public enum Absence: Hashable, Sendable {
            /// Nothing: a document need not state it.
            case unstated
            /// The input does not show it.
            case unknown
            /// It is not in the handover.
            case missing
        }

        public init(state: HandoverState, memory: (any PhysicalMemory)? = nil) {
            self.state = state
            self.memory = memory
        }

        /// What an input shows, down to the bytes that no value of the state accounts for.
        public init(_ document: HandoverDocument) {
            let reading = document.reading
            let hasMemory = !document.memory.regions.isEmpty
            state = hasMemory ? reading.exactState(in: document.memory) : reading.state
            memory = hasMemory ? document.memory : nil
            extents = reading.extents
            otherGenerations = reading.otherGenerations
            isOutgoing = document.side == .outgoing
            let isWhole = hasMemory && !reading.findings.contains { $0.severity == .unknown || $0.isLost }
            absence = isWhole ? .missing : .unknown
            mapIsIncomplete = reading.isMapIncomplete
        }
    }

    /// Something that one handover or both do not show, and that could not be compared.
    public struct Uncompared: Hashable, Sendable {
        /// What it is about.
        public var subject: String
        public var isInBefore: Bool
        public var isInAfter: Bool
        var isLayout = false
    }

    /// The changes: what is handed over first, addresses and layout behind it.
    public let changes: [Change]
    /// What could not be compared.
    public let uncompared: [Uncompared]

    /// - Parameters:
    ///   - before: the handover that the changes begin with.
    ///   - after: the handover that they lead to.
    ///   - ignoringAddresses: whether to leave addresses and layout out.
    ///   - ignoringContents: whether to leave the contents of files and of regions out.
    public init(_ before: Side, _ after: Side, ignoringAddresses: Bool = false, ignoringContents: Bool = false) {
        var comparison = Comparison(before: before, after: after, ignoringContents: ignoringContents)
        comparison.compare()
        let layout = ignoringAddresses ? [] : comparison.changes.filter(\.isLayout)
        changes = comparison.changes.filter { !$0.isLayout } + layout
        uncompared = comparison.uncompared.filter { !ignoringAddresses || !$0.isLayout }
    }

    /// Whether no difference was found; something may not have been compared.
    public var isEmpty: Bool { changes.isEmpty }
}

extension HandoverDiff.Change: CustomStringConvertible {
    /// The change on a line, after the manner of diff: `+` for what is new, `-` for what is gone, `~` for the rest.
    public var description: String {
        switch (before, after) {
        case (let before?, let after?): "~ \(subject): \(before) -> \(after)"
        case (let before?, nil): "- \(subject)" + (before.isEmpty ? "" : ": \(before)")
        case (nil, let after?): "+ \(subject)" + (after.isEmpty ? "" : ": \(after)")
        case (nil, nil): "~ \(subject)"
        }
    }
}

extension HandoverDiff.Uncompared: CustomStringConvertible {
    /// For example `? sessions: not in the second input`.
    public var description: String {
        let place =
            switch (isInBefore, isInAfter) {
            case (true, _): "not in the second input"
            case (false, true): "not in the first input"
            case (false, false): "in neither input"
            }
        return "? \(subject): \(place)"
    }
}
