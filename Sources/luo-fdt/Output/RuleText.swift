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
                ("about", summary), ("taken as", severity.rawValue), ("verdict", verdict.rawValue),
                ("kernel does", consequence + (function(of: .latest).map { ": \($0)()" } ?? "")),
                ("kernels", explanation.kernels), ("to mend it", explanation.remedy),
            ])
    }
}

extension KernelDefect {
    /// Everything known about the defect.
    var explanationText: String {
        explanationLines(
            name,
            [
                ("defect", symptom), ("of the", "\(side.rawValue), \(releases)"),
                ("shown by", evidence ?? "nothing in a handover"), ("what follows", consequence),
                ("rules", explains.sorted().joined(separator: ", ")),
            ])
    }
}

private func explanationLines(_ name: String, _ lines: [(String, String)]) -> String {
    "\(name)\n" + lines.filter { !$0.1.isEmpty }.map { "  " + $0.0.padded(to: 13) + $0.1 + "\n" }.joined()
}
