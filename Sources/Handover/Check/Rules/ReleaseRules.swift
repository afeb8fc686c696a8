import KernelABI

extension CheckRule {
    /// Rules that depend on the receiving kernel's configuration or release: see ``KernelDefect``.
    static let releaseRules: [CheckRule] = [
        CheckRule(
            "page-size", .error, .unchecked, at: .map, about: "the page sizes of the two kernels",
            then: "the kernel reads the tables of preserved memory as tables of its own page size",
            in: "kho_radix_walk_tree",
            explained: .init("6.16", "Boot a kernel with the page size of the one that handed over."),
            find: { handover, findings in
                guard handover.isPopulated, handover.generation.preservedMap == .radixTree,
                    let size = handover.options.pageSize, let finding = PageSize.mismatch(handover.pageSize, size)
                else { return }
                findings.report(finding)
            }),
        CheckRule(
            "structure-layout", .error, .unchecked, at: .map, about: "the structures of the receiving kernel",
            then: "the kernel reads fields at its own offsets",
            explained: .init("6.16", .sameGeneration),
            find: { handover, findings in
                for difference in handover.options.differences { findings.report(difference) }
            }),
        CheckRule(
            "map-bitmap", .error, .unchecked, at: .map, about: "the size of the bitmaps of preserved memory",
            then: "the kernel reads bitmaps of its own size, and preserves whatever they mark",
            in: "deserialize_bitmap",
            explained: .init(
                "6.16", to: "7.0",
                "6.17.9 changed the size of a bitmap without a new version: boot a kernel with the same size."),
            find: { handover, findings in
                // Only a map shows the page size.
                guard handover.isPopulated, let state = handover.subject.reading?.state, state.preserved?.map != nil,
                    let written = state.generation
                else { return }
                let pageSize = handover.pageSize
                let finding = Generation.bitmapMismatch(
                    written, pageSize, read: handover.generation, handover.options.pageSize ?? pageSize)
                if let finding { findings.report(finding) }
            }),
        ofDefect(
            "large-block", .error, .unchecked, at: .map, about: "preserved blocks of 2 GiB and more",
            in: "kho_preserved_memory_reserve",
            explained: .init("7.0", to: "7.2.12", "Preserve blocks of at most 1 GiB, or boot a later release."),
            find: { handover, findings in
                for (order, count) in handover.preserved?.summary.blocksByOrder.sorted(by: { $0.key < $1.key }) ?? []
                where order + handover.pageSize.shift >= 31 {
                    findings.report(
                        .outOfRange, of: .map, at: Place("map of preserved memory"),
                        found: "\(count) of order \(order)", expected: "blocks of less than 2 GiB")
                }
            }),
        ofDefect(
            "empty-block", .error, .panic, at: .initialisation, about: "blocks of sessions without a session",
            in: "kho_block_set_restore",
            explained: .init("7.2", "Keep a session in the last block: create one more, and keep it open until kexec."),
            find: { handover, findings in
                let layout = BlockHeaderLayout.layout
                for block in handover.luo?.blocks ?? [] where block.count == 0 {
                    findings.report(
                        .count, of: .luo(), at: Place(layout.structure, at: block.address).field(layout.count),
                        found: "0", expected: "at least 1")
                }
            }),
        ofDefect(
            "radix-depth", .error, .unchecked, at: .map, about: "the depth of the radix tree",
            in: "kho_radix_walk_tree",
            explained: .init(
                "7.1-rc1", to: "7.1-rc5", "Boot a kernel with a radix tree as deep as that of the one that handed over."
            ),
            find: { handover, findings in
                guard case .radix(let tree) = handover.state.preserved?.map, handover.pageSize == .kib16
                else { return }
                let depth = RadixGeometry(pageSize: .kib16).depth
                findings.report(
                    .mismatch, of: .map,
                    at: Place(RadixNodeLayout.layout(.kib16).structure, at: tree.nodes.first?.address),
                    found: "\(depth) levels", expected: "\(depth - 1)")
            }),
    ]

    /// The rule that detects the defect with its name.
    static func ofDefect(
        _ name: String, _ severity: Severity, _ verdict: Verdict, at stage: BootStage, about summary: String,
        in function: String? = nil, errno: KernelErrno? = nil,
        explained explanation: RuleExplanation,
        find: @escaping @Sendable (ReceivedHandover, inout RuleFindings) -> Void
    ) -> CheckRule {
        CheckRule(
            name, severity, verdict, at: stage, about: summary,
            then: KernelDefect.all.first { $0.name == name }?.consequence ?? summary, in: function, errno: errno,
            explained: explanation, find: find)
    }

    /// The defect that a finding of this rule indicates or that explains it, on the kernels concerned, and whether they
    /// certainly have it.
    func defect(_ kernels: KernelPair) -> (defect: KernelDefect, isCertain: Bool)? {
        for defect in KernelDefect.all where defect.name == name || defect.explains.contains(name) {
            let answer = kernels.has(defect)
            if answer != false { return (defect, answer == true) }
        }
        return nil
    }

    /// Whether it only applies to kernels that have a defect.
    var isOfDefect: Bool { KernelDefect.all.contains { $0.name == name } }
}

/// The kernel that hands over and the one that takes over, as far as known.
struct KernelPair: Sendable {
    /// `nil` if only the generation is known.
    var writer: Release?
    var writerGeneration: Generation?
    var receiver: Release?
    var receiverGeneration: Generation

    /// Whether the kernel concerned has a defect; `nil` if its release is unknown.
    func has(_ defect: KernelDefect) -> Bool? {
        switch defect.side {
        case .writer: writer.map(defect.releases.contains) ?? writerGeneration.flatMap(defect.releases.contains)
        case .receiver: receiver.map(defect.releases.contains) ?? defect.releases.contains(receiverGeneration)
        }
    }
}

extension Generation {
    /// How one kernel's bitmaps violate the other's expectations.
    static func bitmapMismatch(
        _ written: Generation, _ pageSize: PageSize, read: Generation, _ readPageSize: PageSize
    ) -> Finding? {
        guard case .chunkedBitmaps(let found) = written.preservedMap,
            case .chunkedBitmaps(let expected) = read.preservedMap,
            found.bytes(pageSize: pageSize) != expected.bytes(pageSize: readPageSize)
        else { return nil }
        return Finding(
            .size, of: .map, at: Place(BitmapLayout(byteCount: pageSize.bytes).structure),
            found: "\(found.bytes(pageSize: pageSize)) bytes",
            expected: "\(expected.bytes(pageSize: readPageSize)) bytes")
    }
}

extension PageSize {
    /// How tables of one page size violate the expectations of a kernel with the other.
    static func mismatch(_ written: PageSize, _ read: PageSize) -> Finding? {
        if written == read { return nil }
        return Finding(
            .mismatch, of: .map, at: Place(RadixNodeLayout.layout(written).structure), found: "\(written.bytes) bytes",
            expected: "\(read.bytes) bytes")
    }
}
