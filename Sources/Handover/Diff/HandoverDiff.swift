import KernelABI

/// The differences between two handovers: in sessions by name, files by token, FLBs and regions by name, preserved
/// memory by ranges, and then in addresses.
public struct HandoverDiff: Sendable {
    /// A difference.
    public struct Change: Hashable, Sendable {
        /// The subject: `session "vm-alpha", file 0x1000, size`.
        public var subject: String
        /// The value in the first handover; `nil` if only the other has it.
        public var before: String?
        public var after: String?
        /// Whether it is about addresses and layout, as opposed to what is handed over.
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
        /// The memory with the contents of files, if available.
        public var memory: (any PhysicalMemory)?
        /// Opens the files that a document names; `nil` if the side is not a document.
        var openFile: (@Sendable (String) throws(FileError) -> MappedFile)?
        /// The pieces of memory that describe the handover.
        public var extents: [Extent] = []
        /// What it means if a value is not in ``state``.
        public var absence = Absence.unstated

        /// Whether part of the map of preserved memory is missing, so that more memory may be preserved.
        var mapIsIncomplete = false

        /// Other generations that ``state`` may be from.
        var otherGenerations: [Generation] = []

        /// Whether a kernel is going to hand it over: some of it is written only at kexec.
        var isOutgoing = false

        /// An address, unless it is yet to be written.
        func written(_ address: PhysicalAddress?) -> PhysicalAddress? {
            isOutgoing && address?.rawValue == 0 ? nil : address
        }

        /// The meaning of a missing value.
        public enum Absence: Hashable, Sendable {
            /// Nothing: a document need not state it.
            case unstated
            /// The input does not contain it.
            case unknown
            /// The handover does not contain it.
            case missing
        }

        public init(state: HandoverState, memory: (any PhysicalMemory)? = nil) {
            self.state = state
            self.memory = memory
        }

        /// An input, including bytes that are not part of the state.
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

    /// Something that is missing from one or both handovers, so that it could not be compared.
    public struct Uncompared: Hashable, Sendable {
        /// The subject.
        public var subject: String
        public var isInBefore: Bool
        public var isInAfter: Bool
        var isLayout = false
    }

    /// The differences: what is handed over first, then addresses and layout.
    public let changes: [Change]
    /// What could not be compared.
    public let uncompared: [Uncompared]

    /// - Parameters:
    ///   - before: The old handover.
    ///   - after: The new handover.
    ///   - ignoringAddresses: Whether to ignore addresses and layout.
    ///   - ignoringContents: Whether to ignore the contents of files and regions.
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
    /// The change on one line, in the style of diff: `+` for new, `-` for removed, `~` for changed.
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
