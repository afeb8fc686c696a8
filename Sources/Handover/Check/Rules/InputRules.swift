import KernelABI

extension CheckRule {
    /// Rules about what the input does not show.
    static let inputRules: [CheckRule] = [
        CheckRule(
            "not-available", .note, .unknown, at: .root, about: "what the input does not show",
            then: "this input does not show whether it is correct",
            explained: .init("6.16", .captureMore),
            claims: { finding, handover in
                finding.owner == .input || handover.isOfTheInput(finding)
            },
            find: { handover, findings in
                guard handover.tree == nil else { return }
                findings.report(
                    .notAvailable, .unknown, of: .kho, at: Place(Place.rootName), found: "none in this input",
                    expected: "one, which refers to everything that is handed over")
            })
    ]
}
