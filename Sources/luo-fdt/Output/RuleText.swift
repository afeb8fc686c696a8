import ArgumentParser
import Handover
import KernelABI

extension RuleExplanation {
    /// Completes the names of rules and known defects.
    static let completion = CompletionKind.list(
        Set(CheckRule.all.map(\.name) + KernelDefect.all.map(\.name)).sorted())
}

extension CheckRule {
    /// Everything known about the rule, for a reader who is new to it.
    var explanationText: String {
        explanationLines(
            name,
            [
                ("about", summary), ("severity", severity.rawValue), ("verdict", verdict.rawValue),
                ("consequence", consequence + (function(of: .latest).map { ": \($0)()" } ?? "")),
                ("kernels", explanation.kernels), ("remedy", explanation.remedy),
            ])
    }
}

extension KernelDefect {
    /// Everything known about the defect.
    var explanationText: String {
        explanationLines(
            name,
            [
                ("defect", symptom), ("affects", "\(side.rawValue), \(releases)"),
                ("evidence", evidence ?? "none in a handover"), ("consequence", consequence),
                ("rules", explains.sorted().joined(separator: ", ")),
            ])
    }
}

private func explanationLines(_ name: String, _ lines: [(String, String)]) -> String {
    "\(name)\n" + lines.filter { !$0.1.isEmpty }.map { "  " + $0.0.padded(to: 13) + $0.1 + "\n" }.joined()
}
