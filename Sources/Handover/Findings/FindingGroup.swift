/// Findings with the same cause, reported as one.
public struct FindingGroup: Sendable {
    /// The finding that caused the others, or the first of them.
    public let first: Finding
    /// The number of further findings.
    public private(set) var others = 0
    /// The owners of the memory that a truncated input lacks: each once, the first few.
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

    /// Groups findings: those with the same cause in one structure of one owner; if the input is truncated, also all
    /// missing memory.
    ///
    /// - Returns: The groups, in the order of their first findings.
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

    /// What the findings of a group have in common.
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
    /// The first finding, then the number, kind and owners of the others.
    package func description(ofOthers what: String) -> String {
        if others == 0 { return "\(first)" }
        let owners = otherOwners.map(\.description).joined(separator: "; ")
        return "\(first) (and \(others) more \(what)" + (owners.isEmpty ? ")" : ", of \(owners))")
    }

    /// The first finding, then the number and owners of the others.
    public var description: String {
        description(ofOthers: others == 1 ? "that follows from it or is like it" : "that follow from it or are like it")
    }
}
