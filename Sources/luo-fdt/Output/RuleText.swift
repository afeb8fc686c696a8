import ArgumentParser
import Handover
import KernelABI

extension RuleExplanation {
    /// Completes the names of rules.
    static let completion = CompletionKind.list(CheckRule.all.map(\.name))
}

extension CheckRule {
    /// All that is known of the rule, for a reader who has just met it.
    var explanationText: String {
        let lines = [
            ("about", summary), ("taken as", severity.rawValue), ("verdict", verdict.rawValue),
            ("kernel does", consequence + (function(of: .latest).map { ": \($0)()" } ?? "")),
            ("kernels", explanation.kernels), ("to mend it", explanation.remedy),
        ]
        return "\(name)\n" + lines.map { "  " + $0.0.padded(to: 13) + $0.1 + "\n" }.joined()
    }
}
