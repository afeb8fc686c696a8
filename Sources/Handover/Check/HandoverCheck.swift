import KernelABI

/// Says what a kernel would do with a handover.
public struct HandoverCheck: Sendable {
    public struct Options: Sendable {
        /// The generation of the kernel that is to take the handover over; `nil` for the one that it was made for.
        public var generation: Generation?
        /// That kernel's release, which tells kernels of one generation apart; `nil` if it is not known.
        public var release: Release?
        /// That kernel's page size; `nil` for that of the handover.
        public var pageSize: PageSize?
        /// The structures that it has otherwise than its generation.
        public var differences: [Finding] = []
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
        /// What the kernel does: what the rule says, unless a defect makes it milder.
        public var verdict: Verdict
        /// The known defect that it shows, or that explains it.
        public var defect: KernelDefect?
        public var finding: Finding
        /// The error that whoever asks gets, where it is one thing that cannot be retrieved.
        public var errno: KernelErrno?

        init(
            _ finding: Finding, of rule: CheckRule, _ options: Options, _ kernels: KernelPair, errno: KernelErrno? = nil
        ) {
            self.rule = rule
            severity = options.severities[rule.name] ?? rule.severity
            verdict = rule.verdict
            self.finding = finding
            self.errno = errno
            guard let (defect, isCertain) = rule.defect(kernels) else { return }
            self.defect = defect
            if isCertain {
                // The handover goes on without a part of it.
                if defect.goesOn { verdict = min(verdict, .partly) }
            } else if rule.isOfDefect, defect.side == .receiver {
                severity = options.severities[rule.name] ?? .note
                verdict = .accepted
            }
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
        let state = subject.reading?.state
        let kernels = KernelPair(
            writer: state?.kexecMetadata?.previousRelease?.validString.flatMap { Release($0) },
            writerGeneration: state?.generation, receiver: options.release, receiverGeneration: generation)
        let rules = CheckRule.all.filter { rule in
            !options.disabled.contains(rule.name) && (!rule.isOfDefect || rule.defect(kernels) != nil)
        }
        @Sendable func results(of rule: CheckRule) -> [Result] {
            var findings = RuleFindings()
            rule.find(handover, &findings)
            return findings.list.map { Result($0.finding, of: rule, options, kernels, errno: $0.errno) }
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
        let ends = results.filter { $0.verdict == .ignored || $0.verdict == .panic }
        if let first = ends.min(by: { $0.rule.stage < $1.rule.stage }) { return first.verdict }
        return results.map(\.verdict).max() ?? .accepted
    }
}
