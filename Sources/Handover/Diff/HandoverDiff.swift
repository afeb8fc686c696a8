import KernelABI

/// What changed between two handovers: sessions by name, files by token, FLBs and regions by name, preserved memory as
/// ranges; then where it all lies.
public struct HandoverDiff: Sendable {
    /// One thing that is not the same.
    public struct Change: Hashable, Sendable {
        /// What it is about: `session "vm-alpha", file 0x1000, size`.
        public var subject: String
        /// What it is in the one handover; `nil` where it is in the other alone.
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
        /// Where the contents of memfds are, if they are at hand.
        public var memory: (any PhysicalMemory)?

        public init(state: HandoverState, memory: (any PhysicalMemory)? = nil) {
            self.state = state
            self.memory = memory
        }
    }

    /// The changes: what is handed over first, addresses and layout behind it.
    public let changes: [Change]

    /// - Parameter ignoringAddresses: whether to leave addresses and layout out.
    public init(_ before: Side, _ after: Side, ignoringAddresses: Bool = false) {
        var comparison = Comparison(before: before, after: after)
        comparison.compare()
        let layout = ignoringAddresses ? [] : comparison.changes.filter(\.isLayout)
        changes = comparison.changes.filter { !$0.isLayout } + layout
    }

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
