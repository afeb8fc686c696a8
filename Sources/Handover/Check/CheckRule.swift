import KernelABI

/// A check: its name, what a kernel does if it fails, and how to detect that.
///
/// ``all`` lists the command's own rules: to add a rule, add an entry to one of the lists under `Rules/`. Kinds of
/// content have their own rules, which ``all(with:)`` includes.
public struct CheckRule: Sendable {
    public let name: String
    /// The default severity of findings.
    public let severity: Severity
    /// What the kernel does.
    public let verdict: Verdict
    /// The stage in which it does so.
    public let stage: BootStage
    /// A short description of what the rule checks.
    public let summary: String
    /// What the kernel does, in a sentence.
    public let consequence: String
    /// The error returned to the caller, if only one object cannot be retrieved.
    public let errno: KernelErrno?
    /// The visible symptom on that kernel: a line in its log, or the call that fails; `nil` if there is none.
    public let symptom: String?
    /// The kernels for which the rule matters, and what to do.
    public let explanation: RuleExplanation
    private let functionOf: @Sendable (Generation) -> String?
    /// Whether the rule reports this finding of the readers.
    let claims: @Sendable (Finding, ReceivedHandover) -> Bool
    /// Detects faults that the readers do not check for.
    let find: @Sendable (ReceivedHandover, inout RuleFindings) -> Void

    /// The severity of a finding.
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

    /// The function that does so in a kernel of this generation; `nil` if no kernel checks.
    public func function(of generation: Generation) -> String? { functionOf(generation) }

    /// The command's own rules, and those of the catalogue's kinds.
    public static let all = all(with: .standard)

    /// All rules, in the order in which a boot reaches what they are about. If several claim a finding of the readers,
    /// the first one reports it; the last rule claims the rest.
    ///
    /// - Parameter kinds: The kinds of content whose rules to include.
    public static func all(with kinds: ContentKinds) -> [CheckRule] { envelope + rules(of: kinds) + others }

    /// The names of the rules that do not belong to a kind.
    static let ownNames = Set((envelope + others).map(\.name))

    private static let envelope =
        inputRules + rootRules + releaseRules + mapRules + ContentKinds.codedSubtrees.flatMap { $0.rules } + luoRules
        + sessionRules + fileRules + flbRules
    private static let others = ContentKinds.coded.flatMap { $0.rules } + lintRules
}

/// The findings of one rule.
struct RuleFindings {
    private(set) var list: [Finding] = []

    /// The maximum number of findings per rule: a hostile image has one for every byte.
    static let limit = 100

    /// Reports a finding. The text is evaluated only for findings that are kept, as there can be millions.
    mutating func report(
        _ cause: Finding.Cause, _ severity: Finding.Severity = .damage, of owner: @autoclosure () -> Owner,
        at place: @autoclosure () -> Place, found: @autoclosure () -> String, expected: @autoclosure () -> String
    ) {
        guard list.count < Self.limit else { return }
        report(Finding(cause, severity, of: owner(), at: place(), found: found(), expected: expected()))
    }

    /// Reports a finding, unless there is one for the same place.
    mutating func report(_ finding: Finding) {
        guard list.count < Self.limit else { return }
        if finding.place.address != nil, list.contains(where: { $0.place == finding.place }) { return }
        list.append(finding)
    }
}

/// The error returned to the caller.
public enum KernelErrno: String, Hashable, Sendable {
    case noEntry = "ENOENT"
    case noData = "ENODATA"
    case io = "EIO"
    case exists = "EEXIST"
    case invalid = "EINVAL"
    case notSupported = "EOPNOTSUPP"
}
