/// Findings that follow from one cause, told as one.
public struct FindingGroup: Sendable {
    /// The finding that the others hang on, or the first of them.
    public let first: Finding
    /// The number of further findings.
    public internal(set) var others = 0

    init(_ first: Finding) {
        self.first = first
    }

    /// Groups findings: those of one cause in one structure of one owner; and with an input that is cut short, all
    /// memory that is missing.
    ///
    /// - Returns: the groups, in the order of their first findings.
    public static func groups(_ findings: some Sequence<Finding>) -> [FindingGroup] {
        var groups: [FindingGroup] = []
        var places: [Key: Int] = [:]
        var input: Int?
        for finding in findings {
            if finding.cause == .notAvailable, let input {
                groups[input].others += 1
                continue
            }
            let key = Key(finding)
            if let place = places[key], finding.cause != .input {
                groups[place].others += 1
            } else {
                if finding.cause == .input, input == nil { input = groups.count }
                places[key] = groups.count
                groups.append(FindingGroup(finding))
            }
        }
        return groups
    }

    /// What findings of one cause have in common.
    struct Key: Hashable {
        private let cause: Finding.Cause
        private let severity: Finding.Severity
        private let owner: Owner
        private let structure: String
        private let field: String?

        init(_ finding: Finding) {
            cause = finding.cause
            severity = finding.severity
            owner = finding.owner.whole
            structure = finding.place.structure
            field = finding.place.field
        }
    }
}

extension FindingGroup: CustomStringConvertible {
    /// The first finding, and how many more there are.
    public var description: String {
        others == 0 ? "\(first)" : "\(first) (and \(others) more that follow from it or are like it)"
    }
}
