import KernelABI

extension CheckRule {
    /// Rules about what the input does not show.
    static let inputRules: [CheckRule] = [
        CheckRule(
            "not-available", .note, .unknown, at: .root, about: "what the input does not show",
            then: "whether it is as it should be cannot be told from this input",
            explained: .init("6.16", .captureMore),
            claims: { finding, handover in
                finding.owner == .input || handover.isOfTheInput(finding)
            },
            find: { handover, findings in
                guard handover.tree == nil else { return }
                findings.report(
                    .notAvailable, .unknown, of: .kho, at: Place(Place.rootName), found: "none in this input",
                    expected: "one, which leads to all that is handed over")
            })
    ]
}
