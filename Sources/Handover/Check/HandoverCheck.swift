import KernelABI

/// Predicts what a kernel would do with a handover.
public struct HandoverCheck: Sendable {
    public struct Options: Sendable {
        /// The generation of the receiving kernel; `nil` for the one that the handover was made for.
        public var generation: Generation?
        /// The receiving kernel's release, which distinguishes kernels of one generation; `nil` if unknown.
        public var release: Release?
        /// The receiving kernel's page size; `nil` for that of the handover.
        public var pageSize: PageSize?
        /// Whether the receiving kernel was built without KHO.
        public var lacksKHO = false
        /// The structures in which it differs from its generation.
        public var differences: [Finding] = []
        /// The memory that the next kernel boots from, in addition to what the input states.
        public var scratch: [Range<PhysicalAddress>] = []
        /// The memory of the machine that the kernel runs on: ascending and disjoint; empty if unknown.
        public var memory: [Range<PhysicalAddress>] = []
        /// The names of file handlers that the kernel has in addition to its own.
        public var handlers: Set<String> = []
        /// Overrides of the rules' severities, by name.
        public var severities: [String: CheckRule.Severity] = [:]
        /// The names of disabled rules.
        public var disabled: Set<String> = []

        public init() {}
    }

    /// Something that is wrong or unknown.
    public struct Result: Sendable {
        public var rule: CheckRule
        public var severity: CheckRule.Severity
        /// What the kernel does: according to the rule, unless a defect makes it milder.
        public var verdict: Verdict
        /// The known defect that it indicates, or that explains it.
        public var defect: KernelDefect?
        /// The finding, with those that follow from it or are similar.
        public let group: FindingGroup
        public var finding: Finding { group.first }

        init(_ group: FindingGroup, of rule: CheckRule, _ options: Options, _ kernels: KernelPair) {
            self.rule = rule
            severity = options.severities[rule.name] ?? rule.severity
            verdict = rule.verdict
            self.group = group
            guard let (defect, isCertain) = rule.defect(kernels) else { return }
            self.defect = defect
            if isCertain {
                // The rest of the handover is still accepted.
                if defect.goesOn { verdict = min(verdict, .partly) }
            } else if rule.isOfDefect, defect.side == .receiver {
                severity = options.severities[rule.name] ?? .note
                verdict = .accepted
            }
        }
    }

    /// The generation of the kernel concerned.
    public let generation: Generation
    /// The results, in the order in which a boot reaches them.
    public let results: [Result]

    init(generation: Generation, results: [Result]) {
        self.generation = generation
        self.results = results
    }

    public init(_ subject: CheckSubject, options: Options = Options()) {
        self.init(subject, options: options, sideBySide: subject.isLarge)
    }

    /// - Parameter sideBySide: Whether to use all processors; the results are the same.
    init(_ subject: CheckSubject, options: Options, sideBySide: Bool) {
        let generation = options.generation ?? subject.generation
        self.generation = generation
        let handover = ReceivedHandover(subject, generation: generation, options: options)
        let all = CheckRule.all(with: subject.kinds)
        let claimed = Self.claimed(handover, by: all)
        let state = subject.reading?.state
        let kernels = KernelPair(
            writer: state?.writer?.validString.flatMap { Release($0) },
            writerGeneration: state?.generation, receiver: options.release, receiverGeneration: generation)
        let rules = all.filter { rule in
            !options.disabled.contains(rule.name) && (!rule.isOfDefect || rule.defect(kernels) != nil)
        }
        @Sendable func results(of rule: CheckRule) -> [Result] {
            var findings = RuleFindings()
            for finding in claimed[rule.name] ?? [] { findings.report(finding) }
            rule.find(handover, &findings)
            return FindingGroup.groups(findings.list).map { Result($0, of: rule, options, kernels) }
        }
        guard sideBySide else {
            self.results = rules.flatMap(results(of:))
            return
        }
        // The last rules take longest.
        self.results = SideBySide.map(rules.reversed(), results(of:)).reversed().flatMap { $0 }
        // Freeing a million files takes as long as a rule does: do it in the background.
        SideBySide.free(handover)
    }

    /// The readers' findings, by the name of the rule that reports them.
    private static func claimed(_ handover: ReceivedHandover, by rules: [CheckRule]) -> [String: [Finding]] {
        var claimed: [String: [Finding]] = [:]
        for finding in handover.reading.findings {
            guard let rule = rules.first(where: { $0.claims(finding, handover) }) else { continue }
            claimed[rule.name, default: []].append(finding)
        }
        return claimed
    }

    /// The overall outcome.
    ///
    /// If any finding ends the boot or discards the handover, the earliest such stage decides; otherwise the worst
    /// verdict; `.accepted` if nothing was found.
    public var verdict: Verdict {
        let ends = results.filter { $0.verdict == .ignored || $0.verdict == .panic }
        if let first = ends.min(by: { $0.rule.stage < $1.rule.stage }) { return first.verdict }
        return results.map(\.verdict).max() ?? .accepted
    }
}
