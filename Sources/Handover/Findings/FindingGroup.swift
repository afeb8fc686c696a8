/// Findings that follow from one cause, told as one.
public struct FindingGroup: Sendable {
    /// The finding that the others hang on, or the first of them.
    public let first: Finding
    /// The number of further findings.
    public private(set) var others = 0
    /// Whose memory an input lacks that is cut short: each once, the first few.
    public private(set) var otherOwners: [Owner] = []

    private static let mostOwners = 8

    private mutating func add(_ finding: Finding) {
        others += 1
        if first.cause == .input, otherOwners.count < Self.mostOwners, !otherOwners.contains(finding.owner) {
            otherOwners.append(finding.owner)
        }
    }

    init(_ first: Finding) {
        self.first = first
    }

    /// Groups findings: those of one cause in one structure of one owner; and with an input that is cut short, all
    /// memory that is missing.
    ///
    /// - Returns: the groups, in the order of their first findings.
    public static func groups(_ findings: [Finding]) -> [FindingGroup] {
        guard findings.count > 1 else { return findings.map { FindingGroup($0) } }
        var groups: [FindingGroup] = []
        var places: [Key: Int] = [:]
        var input: Int?
        for finding in findings {
            if finding.cause == .notAvailable, let input {
                groups[input].add(finding)
                continue
            }
            let key = Key(finding)
            if let place = places[key], finding.cause != .input {
                groups[place].add(finding)
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
    /// The first finding, how many more there are and what they are, and whose.
    package func description(ofOthers what: String) -> String {
        if others == 0 { return "\(first)" }
        let owners = otherOwners.map(\.description).joined(separator: "; ")
        return "\(first) (and \(others) more \(what)" + (owners.isEmpty ? ")" : ", of \(owners))")
    }

    /// The first finding, how many more there are, and whose they are.
    public var description: String {
        description(ofOthers: "that follow from it or are like it")
    }
}
