import KernelABI

extension CheckRule {
    /// What depends on how the receiving kernel was built, or on its release: see ``KernelDefect``.
    static let releaseRules: [CheckRule] = [
        CheckRule(
            "page-size", .error, .panic, .map, "the page size of the two kernels",
            "the kernel takes the tables of preserved memory for those of its own page size", in: "kho_radix_walk_tree"
        ) { handover, findings in
            guard handover.isPopulated, handover.generation.preservedMap == .radixTree,
                let size = handover.options.pageSize,
                let finding = PageSize.mismatch(handover.context.pageSize, size)
            else { return }
            findings.report(finding)
        },
        CheckRule(
            "structure-layout", .error, .unchecked, .map, "the structures of the receiving kernel",
            "the kernel reads fields where it has them", in: nil
        ) { handover, findings in
            for difference in handover.options.differences { findings.report(difference) }
        },
        CheckRule(
            "map-bitmap", .error, .unchecked, .map, "the size of the bitmaps of preserved memory",
            "the kernel reads as much as its own bitmaps have, and preserves whatever that says",
            in: "deserialize_bitmap"
        ) { handover, findings in
            guard handover.isPopulated, let written = handover.subject.reading?.state.generation else { return }
            let pageSize = handover.context.pageSize
            let finding = Generation.bitmapMismatch(
                written, pageSize, read: handover.generation, handover.options.pageSize ?? pageSize)
            if let finding { findings.report(finding) }
        },
        CheckRule(
            "large-block", .error, .unchecked, .map, "preserved blocks of 2 GiB and more",
            in: "kho_preserved_memory_reserve"
        ) { handover, findings in
            for (order, count) in handover.preserved?.summary.blocksByOrder.sorted(by: { $0.key < $1.key }) ?? []
            where order + handover.context.pageSize.shift >= 31 {
                findings.report(
                    .outOfRange, of: .kho, at: Place("map of preserved memory"), found: "\(count) of order \(order)",
                    expected: "blocks of less than 2 GiB")
            }
        },
        CheckRule(
            "folio-order", .error, .partly, .retrieval, "folios that are larger than the kernel allocates",
            in: "kho_restore_folio"
        ) { handover, findings in
            let pageSize = handover.context.pageSize
            handover.forEachFolio { folio, owner in
                let address = PhysicalAddress(folio.pfn << UInt64(pageSize.shift))
                guard let order = handover.preserved?.order(at: address, pageSize: pageSize),
                    order > pageSize.largestOrder
                else { return false }
                findings.report(
                    .outOfRange, of: owner, at: Place(FolioLayout.layout.structure, at: address),
                    found: "order \(order)", expected: "at most \(pageSize.largestOrder)", errno: .io)
                return true
            }
        },
        CheckRule(
            "memfd-written-late", .error, .unchecked, .retrieval, "folios that are not marked as dirty and up to date",
            in: nil
        ) { handover, findings in
            let layout = FolioLayout.layout
            handover.forEachFolio { folio, owner in
                guard folio.flags & FolioLayout.preservedFlags != FolioLayout.preservedFlags else { return false }
                findings.report(
                    .outOfRange, of: owner, at: Place(layout.structure.name, field: layout.flags.name),
                    found: "0x\(String(folio.flags, radix: 16)) for page \(folio.index)",
                    expected: "0x\(String(FolioLayout.preservedFlags, radix: 16)), which mended kernels always write")
                return true
            }
        },
        CheckRule(
            "vmalloc-full-chunk", .error, .unchecked, .retrieval, "full chunks of page addresses",
            in: "kho_restore_vmalloc"
        ) { handover, findings in
            let layout = VmallocChunkLayout.layout(handover.context.pageSize)
            let capacity = layout.pages.count
            for session in handover.subject.reading?.state.luo?.sessions ?? [] {
                for file in session.files ?? [] {
                    for chunk in file.memfd?.vmalloc?.chunks ?? [] where chunk.pages.count >= capacity {
                        findings.report(
                            .count, of: .file(session: session.name, token: file.token),
                            at: Place(layout.structure, at: chunk.address), found: "\(chunk.pages.count) addresses",
                            expected: "at most \(capacity - 1), and a 0")
                    }
                }
            }
        },
        CheckRule(
            "empty-block", .error, .panic, .initialisation, "blocks of sessions without a session",
            in: "kho_block_set_restore"
        ) { handover, findings in
            let layout = BlockHeaderLayout.layout
            for block in handover.subject.reading?.state.luo?.blocks ?? [] where block.count == 0 {
                findings.report(
                    .count, of: .luo(), at: Place(layout.structure, at: block.address).field(layout.count), found: "0",
                    expected: "at least 1")
            }
        },
        CheckRule(
            "radix-depth", .error, .unchecked, .map, "the depth of the radix tree", in: "kho_radix_walk_tree"
        ) { handover, findings in
            guard handover.isPopulated, case .radix(let tree) = handover.subject.reading?.state.preserved?.map,
                handover.context.pageSize == .kib16
            else { return }
            findings.report(
                .mismatch, of: .kho, at: Place(RadixNodeLayout.layout(.kib16).structure, at: tree.nodes.first?.address),
                found: "\(RadixGeometry(pageSize: .kib16).depth) levels",
                expected: "\(RadixGeometry(pageSize: .kib16).depth - 1)")
        },
    ]

    /// The rule that shows a defect of its name.
    private init(
        _ name: String, _ severity: Severity, _ verdict: Verdict, _ stage: BootStage, _ summary: String,
        in function: String?, _ find: @escaping @Sendable (ReceivedHandover, inout RuleFindings) -> Void
    ) {
        let consequence = KernelDefect.all.first { $0.name == name }?.consequence ?? summary
        self.init(name, severity, verdict, stage, summary, consequence, in: function, find)
    }

    /// The defect that a finding of this rule shows or is explained by, on the kernels in question, and whether they
    /// are known to have it.
    func defect(_ kernels: KernelPair) -> (defect: KernelDefect, isCertain: Bool)? {
        for defect in KernelDefect.all where defect.name == name || defect.explains.contains(name) {
            let answer = kernels.has(defect)
            if answer != false { return (defect, answer == true) }
        }
        return nil
    }

    /// Whether it is held against nothing but kernels that have a defect.
    var isOfDefect: Bool { KernelDefect.all.contains { $0.name == name } }
}

/// The kernel that hands over and the one that takes over, as far as they are known.
struct KernelPair: Sendable {
    /// `nil` if only the generation is known.
    var writer: Release?
    var writerGeneration: Generation?
    var receiver: Release?
    var receiverGeneration: Generation

    /// Whether the kernel in question has a defect; `nil` if it is not known which release it is.
    func has(_ defect: KernelDefect) -> Bool? {
        switch defect.side {
        case .writer: writer.map(defect.releases.contains) ?? writerGeneration.flatMap(defect.releases.contains)
        case .receiver: receiver.map(defect.releases.contains) ?? defect.releases.contains(receiverGeneration)
        }
    }
}

extension Generation {
    /// What is wrong with the one kernel's bitmaps in the eyes of the other.
    static func bitmapMismatch(
        _ written: Generation, _ pageSize: PageSize, read: Generation, _ readPageSize: PageSize
    ) -> Finding? {
        guard case .chunkedBitmaps(let found) = written.preservedMap,
            case .chunkedBitmaps(let expected) = read.preservedMap,
            found.bytes(pageSize: pageSize) != expected.bytes(pageSize: readPageSize)
        else { return nil }
        return Finding(
            .size, of: .kho, at: Place(BitmapLayout(byteCount: pageSize.bytes).structure),
            found: "\(found.bytes(pageSize: pageSize)) bytes",
            expected: "\(expected.bytes(pageSize: readPageSize)) bytes")
    }
}

extension PageSize {
    /// What is wrong with tables of the one page size in the eyes of a kernel of the other.
    static func mismatch(_ written: PageSize, _ read: PageSize) -> Finding? {
        if written == read { return nil }
        return Finding(
            .mismatch, of: .kho, at: Place(RadixNodeLayout.layout(written).structure), found: "\(written.bytes) bytes",
            expected: "\(read.bytes) bytes")
    }
}

extension ReceivedHandover {
    /// Goes over the folios of all memfds; of each file until `body` returns true.
    fileprivate func forEachFolio(_ body: (FolioState, Owner) -> Bool) {
        for session in sessions {
            for memfd in session.memfds {
                for folio in memfd.descriptor.folios ?? [] where folio.pfn != 0 {
                    if body(folio, memfd.owner) { break }
                }
            }
        }
    }
}
