import KernelABI

/// A state of which a handover has many, each identified by a name.
protocol ComparedRecord: DocumentObject {
    associatedtype Identity: Hashable
    /// The word for one of them.
    static var noun: String { get }
    var identity: Identity { get }
    /// The identity as shown in differences.
    var identityText: String { get }
    /// Describes one that the other side lacks.
    var comparisonSummary: String { get }
    /// Whether two equal ones need no further comparison, for example of contents in memory.
    var isWhole: Bool { get }
}

extension ComparedRecord {
    var isWhole: Bool { false }

    /// Compares the records with the same identity; reports those that one side lacks, and a different order.
    package static func compareLists(_ lists: Comparison.Pair<[Self]>, by comparison: inout Comparison) {
        guard let (before, after) = comparison.known(lists) else { return }
        for (old, new) in comparison.pairs(before, after, by: \.identity) {
            guard let record = old ?? new else { continue }
            if record.isWhole, old == new { continue }
            let subject = lists.subject.sibling("\(noun) \(record.identityText)")
            if old != nil, new != nil {
                form.compare(.init(old, new, subject), by: &comparison)
            } else {
                comparison.note(subject, old?.comparisonSummary, new?.comparisonSummary)
            }
        }
        let (old, new) = (before.map(\.identity), after.map(\.identity))
        if old != new, Set(old) == Set(new) { comparison.note(lists.subject.order, list(before), list(after)) }
    }

    private static func list(_ records: [Self]) -> String {
        let shown = records.prefix(4).map(\.identityText).joined(separator: ", ")
        return records.count > 4 ? "\(shown), …" : shown
    }
}

/// A record whose name is a kernel string.
protocol NamedRecord: ComparedRecord where Identity == KernelString {
    var name: KernelString { get }
}

extension NamedRecord {
    var identity: KernelString { name }
    var identityText: String { name.quoted }
}
