import KernelABI

extension HandoverCheck {
    /// Says what a kernel of one generation does with whatever a kernel of another one hands over.
    ///
    /// Known defects, which need something in the handover to show, are notes.
    ///
    /// - Parameters:
    ///   - from: the kernel that hands over.
    ///   - to: the kernel that is to take it over.
    ///   - releases: their releases, if they are known.
    ///   - pageSizes: their page sizes, if they are known.
    ///   - options: which rules to leave out, and what counts as an error.
    public init(
        from: Generation, to: Generation, releases: (from: Release?, to: Release?) = (nil, nil),
        pageSizes: (from: PageSize?, to: PageSize?) = (nil, nil), options: Options = Options()
    ) {
        let kernels = KernelPair(
            writer: releases.from, writerGeneration: from, receiver: releases.to, receiverGeneration: to)
        if options.lacksKHO, let rule = CheckRule.all.first(where: { $0.name == "kernel-without-kho" }) {
            self.init(generation: to, results: [Result(FindingGroup(Self.withoutKHO), of: rule, options, kernels)])
            return
        }
        let differences = options.differences.map { ("structure-layout", $0) }
        var mismatches = Self.mismatches(from, to)
        if let written = pageSizes.from, let read = pageSizes.to, let finding = PageSize.mismatch(written, read) {
            mismatches.append(("page-size", finding))
        }
        var results = (mismatches + differences).compactMap { name, finding -> Result? in
            guard let rule = CheckRule.all.first(where: { $0.name == name }), !options.disabled.contains(name) else {
                return nil
            }
            return Result(FindingGroup(finding), of: rule, options, kernels)
        }
        if !results.contains(where: { $0.verdict == .ignored }) {
            for defect in KernelDefect.all where kernels.has(defect) != false {
                let names = defect.explains.isEmpty ? [defect.name] : defect.explains
                // A kernel does not have the functions of all of them.
                let rules = CheckRule.all.filter { names.contains($0.name) && !options.disabled.contains($0.name) }
                guard let rule = rules.first(where: { $0.explanation.isAbout(to) }) ?? rules.first,
                    let evidence = defect.evidence
                else { continue }
                let finding = Finding(
                    .outOfRange, .unknown, of: .kho, at: Place("handover"), found: "no handover to look at",
                    expected: "nothing that shows it: \(evidence)")
                var result = Result(FindingGroup(finding), of: rule, options, kernels)
                (result.severity, result.verdict, result.defect) = (.note, .accepted, defect)
                results.append(result)
            }
        }
        self.init(generation: to, results: results)
    }

    /// That the receiving kernel was built without KHO.
    static let withoutKHO = Finding(
        .missing, of: .kho, at: Place("kernel"), found: "no structures of KHO",
        expected: "a kernel that is built with CONFIG_KEXEC_HANDOVER")

    /// What a kernel of the one generation writes, and one of the other does not take, by the rules' names.
    private static func mismatches(_ from: Generation, _ to: Generation) -> [(String, Finding)] {
        func finding(_ structure: String, _ field: String?, _ found: String, _ expected: String) -> Finding {
            Finding(.compatible, of: .kho, at: Place(structure, field: field), found: found, expected: expected)
        }
        guard from.root.compatible == to.root.compatible else {
            // Nothing behind the root is looked at.
            return [
                (
                    "root-compatible",
                    finding("root FDT", "compatible", "\"\(from.root.compatible)\"", "\"\(to.root.compatible)\"")
                )
            ]
        }
        var list = Generation.bitmapMismatch(from, .kib4, read: to, .kib4).map { [("map-bitmap", $0)] } ?? []
        guard let luo = from.luo else { return list }
        guard let abi = to.luo else {
            return list + [("luo-unknown", finding(luo.subtree, nil, "a state of LUO", "a kernel that has LUO"))]
        }
        guard luo.compatible == abi.compatible else {
            return list + [
                ("luo-compatible", finding(luo.subtree, "compatible", "\"\(luo.compatible)\"", "\"\(abi.compatible)\""))
            ]
        }
        if case .tree(let written) = luo.form, case .tree(let read) = abi.form {
            let pairs = [(Optional(written.sessions), Optional(read.sessions)), (written.flbs, read.flbs)]
            for case (let written, let read?) in pairs {
                if let written, written.compatible == read.compatible { continue }
                list.append(
                    (
                        "luo-tree",
                        finding(
                            "\(abi.subtree)/\(read.name)", "compatible",
                            written.map { "\"\($0.compatible)\"" } ?? "no such node",
                            "\"\(read.compatible)\"")
                    ))
            }
        }
        if let flbs = luo.flbs, abi.flbs == nil {
            list.append(
                (
                    "flb-unknown",
                    finding(
                        flbs.record.structure.name, nil, "FLBs, where a file that depends on one is preserved",
                        "a kernel that has FLBs")
                ))
        }
        let read = Set(to.fileHandlers.map(\.compatible))
        if let handler = from.fileHandlers.first(where: { !read.contains($0.compatible) }) {
            list.append(
                (
                    "file-handler",
                    finding(
                        abi.files.record.structure.name, abi.files.record.compatible.name,
                        "\"\(handler.compatible)\", where a file of that handler is preserved",
                        "a handler that the kernel has: " + read.sorted().map { "\"\($0)\"" }.joined(separator: ", "))
                ))
        }
        return list
    }
}
