import KernelABI

/// One thing that is checked: its name, what a kernel does where it does not hold, and how it is found out.
///
/// ``all`` is the whole table. A new rule is a new entry in one of the lists under `Rules/`.
public struct CheckRule: Sendable {
    public let name: String
    /// How a finding of this rule is taken where nothing else is asked for.
    public let severity: Severity
    /// What the kernel does.
    public let verdict: Verdict
    /// When it does it.
    public let stage: BootStage
    /// What the rule is about, in a few words.
    public let summary: String
    /// What the kernel does, in a sentence.
    public let consequence: String
    /// The kernel's function that does it; `nil` where no kernel looks.
    public let function: String?
    let find: @Sendable (ReceivedHandover, inout RuleFindings) -> Void

    /// How a finding is taken.
    public enum Severity: String, Hashable, Sendable, CaseIterable {
        case note
        case warning
        case error
    }

    init(
        _ name: String, _ severity: Severity, _ verdict: Verdict, _ stage: BootStage, _ summary: String,
        _ consequence: String, in function: String?,
        _ find: @escaping @Sendable (ReceivedHandover, inout RuleFindings) -> Void
    ) {
        self.name = name
        self.severity = severity
        self.verdict = verdict
        self.stage = stage
        self.summary = summary
        self.consequence = consequence
        self.function = function
        self.find = find
    }

    /// All rules, in the order in which a boot comes past what they are about.
    public static let all: [CheckRule] =
        rootRules + releaseRules + mapRules + subtreeRules + luoRules + sessionRules + fileRules + flbRules + memfdRules
        + lintRules
}

/// What one rule finds.
struct RuleFindings {
    private(set) var list: [(finding: Finding, errno: KernelErrno?)] = []

    /// The findings of one rule that are kept: a hostile image has one for every byte.
    static let limit = 100

    /// Reports what was found. The words are put together for the findings that are kept alone: there can be millions.
    mutating func report(
        _ cause: Finding.Cause, of owner: @autoclosure () -> Owner, at place: @autoclosure () -> Place,
        found: @autoclosure () -> String, expected: @autoclosure () -> String, errno: KernelErrno? = nil
    ) {
        guard list.count < Self.limit else { return }
        let finding = Finding(cause, of: owner(), at: place(), found: found(), expected: expected())
        list.append((finding, errno))
    }

    mutating func report(_ finding: Finding) {
        if list.count < Self.limit { list.append((finding, nil)) }
    }
}

/// The error that whoever asks gets.
public enum KernelErrno: String, Hashable, Sendable {
    case noEntry = "ENOENT"
    case noData = "ENODATA"
    case io = "EIO"
    case exists = "EEXIST"
    case invalid = "EINVAL"
    case notSupported = "EOPNOTSUPP"
}
