import KernelABI

/// One thing that is checked: its name, what a kernel does if it does not hold, and how that is found.
///
/// ``all`` is the table of what the command has itself: a new rule is a new entry in one of the lists under `Rules/`.
/// Kinds of content bring rules of their own, which ``all(with:)`` has besides.
public struct CheckRule: Sendable {
    public let name: String
    /// How a finding of this rule is taken by default.
    public let severity: Severity
    /// What the kernel does.
    public let verdict: Verdict
    /// When it does it.
    public let stage: BootStage
    /// What the rule is about, in a few words.
    public let summary: String
    /// What the kernel does, in a sentence.
    public let consequence: String
    /// The error that the caller gets, if it is one thing that cannot be retrieved.
    public let errno: KernelErrno?
    /// What one sees of it on that kernel: a line of its log, or the call that fails; `nil` if there is nothing to see.
    public let symptom: String?
    /// For which kernels the rule matters, and what to do.
    public let explanation: RuleExplanation
    private let functionOf: @Sendable (Generation) -> String?
    /// Whether the rule is the one that tells of what the readers have found.
    let claims: @Sendable (Finding, ReceivedHandover) -> Bool
    /// Finds what the readers do not look for.
    let find: @Sendable (ReceivedHandover, inout RuleFindings) -> Void

    /// How a finding is taken.
    public enum Severity: String, Hashable, Sendable, CaseIterable {
        case note
        case warning
        case error
    }

    init(
        _ name: String, _ severity: Severity, _ verdict: Verdict, at stage: BootStage, about summary: String,
        then consequence: String, in function: String? = nil,
        inFunctionOf functionOf: (@Sendable (Generation) -> String?)? = nil, errno: KernelErrno? = nil,
        seen symptom: String? = nil, explained explanation: RuleExplanation,
        claims: @escaping @Sendable (Finding, ReceivedHandover) -> Bool = { _, _ in false },
        find: @escaping @Sendable (ReceivedHandover, inout RuleFindings) -> Void = { _, _ in }
    ) {
        self.name = name
        self.severity = severity
        self.verdict = verdict
        self.stage = stage
        self.summary = summary
        self.consequence = consequence
        self.functionOf = functionOf ?? { _ in function }
        self.errno = errno
        self.symptom = symptom
        self.explanation = explanation
        self.claims = claims
        self.find = find
    }

    /// The function that does it in a kernel of this generation; `nil` if no kernel looks.
    public func function(of generation: Generation) -> String? { functionOf(generation) }

    /// The rules of the command itself, and of the catalogue's kinds.
    public static let all = all(with: .standard)

    /// All rules, in the order in which a boot reaches what they are about. Of those that claim a finding of the
    /// readers, the first tells of it; the last claims whatever is left.
    ///
    /// - Parameter kinds: the kinds of content whose rules are among them.
    public static func all(with kinds: ContentKinds) -> [CheckRule] { envelope + rules(of: kinds) + others }

    /// The names of the rules that are no kind's.
    static let ownNames = Set((envelope + others).map(\.name))

    private static let envelope =
        inputRules + rootRules + releaseRules + mapRules + ContentKinds.codedSubtrees.flatMap { $0.rules } + luoRules
        + sessionRules + fileRules + flbRules
    private static let others = ContentKinds.coded.flatMap { $0.rules } + lintRules
}

/// What one rule finds.
struct RuleFindings {
    private(set) var list: [Finding] = []

    /// The findings of one rule that are kept: a hostile image has one for every byte.
    static let limit = 100

    /// Reports what was found. The words are put together only for findings that are kept: there can be millions.
    mutating func report(
        _ cause: Finding.Cause, _ severity: Finding.Severity = .damage, of owner: @autoclosure () -> Owner,
        at place: @autoclosure () -> Place, found: @autoclosure () -> String, expected: @autoclosure () -> String
    ) {
        guard list.count < Self.limit else { return }
        report(Finding(cause, severity, of: owner(), at: place(), found: found(), expected: expected()))
    }

    /// Reports a finding, unless there is one of the same place.
    mutating func report(_ finding: Finding) {
        guard list.count < Self.limit else { return }
        if finding.place.address != nil, list.contains(where: { $0.place == finding.place }) { return }
        list.append(finding)
    }
}

/// The error that the caller gets.
public enum KernelErrno: String, Hashable, Sendable {
    case noEntry = "ENOENT"
    case noData = "ENODATA"
    case io = "EIO"
    case exists = "EEXIST"
    case invalid = "EINVAL"
    case notSupported = "EOPNOTSUPP"
}
