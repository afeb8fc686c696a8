import KernelABI

/// Says what a kernel would do with a handover.
public struct HandoverCheck: Sendable {
    public struct Options: Sendable {
        /// The generation of the kernel that is to take the handover over; `nil` for the one that it was made for.
        public var generation: Generation?
        /// The memory that the next kernel boots from.
        public var scratch: [Range<PhysicalAddress>] = []
        /// The names of file handlers that the kernel has besides its own.
        public var handlers: Set<String> = []
        /// How rules are taken, by their names, where that differs from the table.
        public var severities: [String: CheckRule.Severity] = [:]
        /// The names of rules that are left out.
        public var disabled: Set<String> = []

        public init() {}
    }

    /// One thing that is not as it should be.
    public struct Result: Sendable {
        public var rule: CheckRule
        public var severity: CheckRule.Severity
        public var finding: Finding
        /// The error that whoever asks gets, where it is one thing that cannot be retrieved.
        public var errno: KernelErrno?

        init(_ finding: Finding, of rule: CheckRule, _ options: Options, errno: KernelErrno? = nil) {
            self.rule = rule
            self.severity = options.severities[rule.name] ?? rule.severity
            self.finding = finding
            self.errno = errno
        }
    }

    /// The generation of the kernel that was asked about.
    public let generation: Generation
    /// What was found, in the order in which a boot comes past it.
    public let results: [Result]

    init(generation: Generation, results: [Result]) {
        self.generation = generation
        self.results = results
    }

    public init(_ subject: CheckSubject, options: Options = Options()) {
        self.init(subject, options: options, sideBySide: subject.isLarge)
    }

    /// - Parameter sideBySide: whether to use all processors; what is found is the same.
    init(_ subject: CheckSubject, options: Options, sideBySide: Bool) {
        let generation = options.generation ?? subject.generation
        self.generation = generation
        let handover = ReceivedHandover(subject, generation: generation, options: options, inBackground: sideBySide)
        let rules = CheckRule.all.filter { !options.disabled.contains($0.name) }
        @Sendable func results(of rule: CheckRule) -> [Result] {
            var findings = RuleFindings()
            rule.find(handover, &findings)
            return findings.list.map { Result($0.finding, of: rule, options, errno: $0.errno) }
        }
        guard sideBySide else {
            self.results = rules.flatMap(results(of:))
            return
        }
        // The last ones take longest, and do not wait for LUO's state.
        self.results = SideBySide.map(rules.reversed(), results(of:)).reversed().flatMap { $0 }
        // To free a million files takes as long as a rule does, and nobody has to wait for that.
        SideBySide.free(handover)
    }

    /// What becomes of the handover as a whole.
    ///
    /// A boot that ends, or that forgets the handover, does not come past what is behind; otherwise the worst counts.
    public var verdict: Verdict {
        let ends = results.filter { $0.rule.verdict == .ignored || $0.rule.verdict == .panic }
        if let first = ends.min(by: { $0.rule.stage < $1.rule.stage }) { return first.rule.verdict }
        return results.map(\.rule.verdict).max() ?? .accepted
    }
}
