import KernelABI

/// Says what a kernel would do with a handover.
public struct HandoverCheck: Sendable {
    public struct Options: Sendable {
        /// The generation of the kernel that is to take the handover over; `nil` for the one that it was made for.
        public var generation: Generation?
        /// The memory that the next kernel boots from, besides what the input says of it.
        public var scratch: [Range<PhysicalAddress>] = []
        /// The names of file handlers that the kernel has besides its own.
        public var handlers: Set<String> = []
        /// How rules are taken, by their names, where that differs from the table.
        public var severities: [String: CheckRule.Severity] = [:]
        /// The names of rules that are left out.
        public var disabled: Set<String> = []

        public init() {}
    }

    /// One thing that is not as it should be, or not known.
    public struct Result: Sendable {
        public var rule: CheckRule
        public var severity: CheckRule.Severity
        public var finding: Finding
        /// The number of findings that follow from this one or are like it.
        public var others = 0

        init(_ finding: Finding, of rule: CheckRule, _ options: Options) {
            self.rule = rule
            self.severity = options.severities[rule.name] ?? rule.severity
            self.finding = finding
        }
    }

    /// The generation of the kernel that was asked about.
    public let generation: Generation
    /// What was found, in the order in which a boot reaches it.
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
        let handover = ReceivedHandover(subject, generation: generation, options: options)
        let claimed = Self.claimed(handover)
        let rules = CheckRule.all.filter { !options.disabled.contains($0.name) }
        @Sendable func results(of rule: CheckRule) -> [Result] {
            var findings = RuleFindings()
            for finding in claimed[rule.name] ?? [] { findings.report(finding) }
            rule.find(handover, &findings)
            return FindingGroup.groups(findings.list).map { group in
                var result = Result(group.first, of: rule, options)
                result.others = group.others
                return result
            }
        }
        guard sideBySide else {
            self.results = rules.flatMap(results(of:))
            return
        }
        // The last ones take longest.
        self.results = SideBySide.map(rules.reversed(), results(of:)).reversed().flatMap { $0 }
        // To free a million files takes as long as a rule does, and nobody has to wait for that.
        SideBySide.free(handover)
    }

    /// What the readers have found, by the name of the rule that tells of it.
    private static func claimed(_ handover: ReceivedHandover) -> [String: [Finding]] {
        var claimed: [String: [Finding]] = [:]
        for finding in handover.reading.findings {
            guard let rule = CheckRule.all.first(where: { $0.claims(finding, handover) }) else { continue }
            claimed[rule.name, default: []].append(finding)
        }
        return claimed
    }

    /// The overall outcome.
    ///
    /// If any finding ends the boot or discards the handover, the earliest such stage decides; otherwise the worst
    /// verdict; `.accepted` if nothing was found.
    public var verdict: Verdict {
        let ends = results.filter { $0.rule.verdict == .ignored || $0.rule.verdict == .panic }
        if let first = ends.min(by: { $0.rule.stage < $1.rule.stage }) { return first.rule.verdict }
        return results.map(\.rule.verdict).max() ?? .accepted
    }
}
