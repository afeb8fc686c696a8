import KernelABI

extension HandoverCheck {
    /// Predicts what a kernel of one generation does with any handover of a kernel of another one.
    ///
    /// Known defects, which only some handovers trigger, are notes.
    ///
    /// - Parameters:
    ///   - from: The kernel that hands over.
    ///   - to: The kernel that takes over.
    ///   - releases: Their releases, if known.
    ///   - pageSizes: Their page sizes, if known.
    ///   - options: Which rules to disable, and what counts as an error.
    public init(
        from: Generation, to: Generation, releases: (from: Release?, to: Release?) = (nil, nil),
        pageSizes: (from: PageSize?, to: PageSize?) = (nil, nil), options: Options = Options()
    ) {
        let kernels = KernelPair(
            writer: releases.from, writerGeneration: from, receiver: releases.to, receiverGeneration: to)
        var mismatches: [(String, Finding)]
        if options.lacksKHO {
            mismatches = [("kernel-without-kho", Self.withoutKHO)]
        } else {
            mismatches = Self.mismatches(from, to)
            if let written = pageSizes.from, let read = pageSizes.to, let finding = PageSize.mismatch(written, read) {
                mismatches.append(("page-size", finding))
            }
            mismatches += options.differences.map { ("structure-layout", $0) }
        }
        var results = mismatches.compactMap { name, finding -> Result? in
            guard let rule = CheckRule.all.first(where: { $0.name == name }), !options.disabled.contains(name) else {
                return nil
            }
            return Result(FindingGroup(finding), of: rule, options, kernels)
        }
        if !results.contains(where: { $0.verdict == .ignored }) {
            for defect in KernelDefect.all where kernels.has(defect) != false {
                let names = defect.explains.isEmpty ? [defect.name] : defect.explains
                // A kernel does not have all of their functions.
                let rules = CheckRule.all.filter { names.contains($0.name) && !options.disabled.contains($0.name) }
                guard let rule = rules.first(where: { $0.explanation.isAbout(to) }) ?? rules.first,
                    let evidence = defect.evidence
                else { continue }
                let finding = Finding(
                    .outOfRange, .unknown, of: .kho, at: Place("handover"), found: "no handover to examine",
                    expected: "one without this: \(evidence)")
                var result = Result(FindingGroup(finding), of: rule, options, kernels)
                (result.severity, result.verdict, result.defect) = (.note, .accepted, defect)
                results.append(result)
            }
        }
        self.init(generation: to, results: results)
    }

    /// Reports that the receiving kernel was built without KHO.
    static let withoutKHO = Finding(
        .missing, of: .kho, at: Place("kernel"), found: "no KHO structures",
        expected: "a kernel built with CONFIG_KEXEC_HANDOVER")

    /// What a kernel of the first generation writes but one of the second does not accept, by rule name.
    private static func mismatches(_ from: Generation, _ to: Generation) -> [(String, Finding)] {
        var list: [(String, Finding)] = []
        func note(_ rule: String, _ structure: String, _ field: String?, _ found: String, _ expected: String) {
            let place = Place(structure, field: field)
            list.append((rule, Finding(.compatible, of: .kho, at: place, found: found, expected: expected)))
        }
        func note(_ rule: String, _ structure: String, compatible: String?, with expected: String) {
            let found = compatible.map { "\"\($0)\"" } ?? "no such node"
            note(rule, structure, "compatible", found, "\"\(expected)\"")
        }
        guard from.root.compatible == to.root.compatible else {
            // The kernel does not look beyond the root.
            note("root-compatible", Place.rootName, compatible: from.root.compatible, with: to.root.compatible)
            return list
        }
        if let finding = Generation.bitmapMismatch(from, .kib4, read: to, .kib4) {
            list.append(("map-bitmap", finding))
        }
        guard let luo = from.luo else { return list }
        guard let abi = to.luo else {
            note("luo-unknown", luo.subtree, nil, "LUO state", "a kernel with LUO")
            return list
        }
        guard luo.compatible == abi.compatible else {
            note("luo-compatible", luo.subtree, compatible: luo.compatible, with: abi.compatible)
            return list
        }
        if case .tree(let written) = luo.form, case .tree(let read) = abi.form {
            let pairs = [(Optional(written.sessions), Optional(read.sessions)), (written.flbs, read.flbs)]
            for case (let written, let read?) in pairs where written?.compatible != read.compatible {
                note("luo-tree", "\(abi.subtree)/\(read.name)", compatible: written?.compatible, with: read.compatible)
            }
        }
        if let flbs = luo.flbs, abi.flbs == nil {
            note(
                "flb-unknown", flbs.record.structure.name, nil, "FLBs, if a file that depends on one is preserved",
                "a kernel with FLBs")
        }
        let read = Set(to.fileHandlers.map(\.compatible))
        if let handler = from.fileHandlers.first(where: { !read.contains($0.compatible) }) {
            let record = abi.files.record
            note(
                "file-handler", record.structure.name, record.compatible.name,
                "\"\(handler.compatible)\", if a file of that handler is preserved",
                "a handler of the kernel: " + read.sorted().map { "\"\($0)\"" }.joined(separator: ", "))
        }
        return list
    }
}
