import KernelABI

extension CheckRule {
    private static let panics = "the kernel panics: it cannot tell what it was handed"

    /// LUO's state, which is taken over while the kernel initialises.
    static let luoRules: [CheckRule] = [
        CheckRule(
            "luo-absent", .note, .accepted, .initialisation, "whether there is a state of LUO",
            "the kernel starts without sessions", in: "luo_early_startup"
        ) { handover, findings in
            guard handover.isPopulated, let abi = handover.generation.luo,
                handover.subtree(abi.subtree) == nil
            else { return }
            findings.report(
                .missing, of: .luo(), at: Place("root FDT", at: handover.subject.rootAddress), found: "no subtree \(abi.subtree)",
                expected: "one, where there are sessions")
        },
        CheckRule(
            "luo-unknown", .error, .ignored, .initialisation, "a state of LUO for a kernel without LUO",
            "the boot goes on, and the sessions are lost", in: nil
        ) { handover, findings in
            guard handover.isPopulated, handover.generation.luo == nil,
                let name = Generation.all.compactMap({ $0.luo?.subtree }).first(where: { handover.subtree($0) != nil })
            else { return }
            findings.report(
                .compatible, of: .luo(), at: Place("root FDT/\(name)", at: handover.subject.rootAddress), found: "a state of LUO",
                expected: "a kernel that has LUO")
        },
        CheckRule(
            "luo-subtree", .error, .panic, .initialisation, "the node of LUO's state", panics, in: "luo_early_startup"
        ) { handover, findings in
            guard let abi = handover.generation.luo, let subtree = handover.subtree(abi.subtree) else { return }
            findings.reportIncomplete(subtree, handover)
        },
        CheckRule(
            "luo-address", .error, .unchecked, .initialisation, "where LUO's state is",
            "the kernel reads whatever is there", in: "luo_early_startup"
        ) { handover, findings in
            guard let luo = handover.luo, handover.context.hasMemory, !luo.isAtHand else { return }
            findings.report(
                .notAvailable, of: .luo(), at: Place(handover.generation.luo?.subtree ?? "", at: luo.address),
                found: "no memory at hand there",
                expected: "LUO's state")
        },
        CheckRule(
            "luo-size", .error, .panic, .initialisation, "the size of LUO's state", panics, in: "luo_early_startup"
        ) { handover, findings in
            guard case .record = handover.generation.luo?.form, let luo = handover.luo else { return }
            let structure = LUOLayout.layout.structure
            guard let size = luo.size, size < UInt64(structure.size) else { return }
            findings.report(
                .size, of: .luo(), at: Place(structure, at: luo.address), found: "\(size) bytes", expected: "at least \(structure.size)")
        },
        CheckRule(
            "luo-compatible", .error, .panic, .initialisation, "the version of LUO's state", panics, in: "luo_early_startup"
        ) { handover, findings in
            guard let abi = handover.generation.luo, let luo = handover.luo, luo.isAtHand, !luo.isCompatible
            else { return }
            if let tree = luo.tree {
                findings.report(
                    .compatible, of: .luo(),
                    at: tree.root?.place(abi.subtree, "compatible", treeAt: luo.address)
                        ?? Place(abi.subtree, at: luo.address),
                    found: tree.root?.compatibleText ?? tree.absence,
                    expected: "\"\(abi.compatible)\"")
            } else if let compatible = luo.compatible {
                findings.report(
                    .compatible, of: .luo(),
                    at: Place(LUOLayout.layout.structure, at: luo.address).field(LUOLayout.layout.compatible),
                    found: compatible.quoted, expected: "\"\(abi.compatible)\"")
            }
        },
        CheckRule(
            "luo-tree", .error, .panic, .initialisation, "the nodes and properties of LUO's FDT", panics,
            in: "luo_early_startup"
        ) { handover, findings in
            guard let abi = handover.generation.luo, case .tree(let form) = abi.form, let luo = handover.luo,
                luo.isCompatible, let root = luo.tree?.root
            else { return }
            if root.number(form.numberProperty) == nil {
                findings.report(
                    .size, of: .luo(), at: root.place(abi.subtree, form.numberProperty, treeAt: luo.address),
                    found: root.sizeText(form.numberProperty),
                    expected: "8 bytes")
            }
            for node in [form.sessions, form.flbs].compactMap({ $0 }) {
                guard let found = root.child(node.name) else {
                    findings.report(
                        .missing, of: .luo(), at: Place(abi.subtree, at: luo.address), found: "no node /\(node.name)", expected: "one")
                    continue
                }
                let structure = "\(abi.subtree)/\(node.name)"
                if !found.isCompatible(with: node.compatible) {
                    findings.report(
                        .compatible, of: .luo(), at: found.place(structure, "compatible", treeAt: luo.address),
                        found: found.compatibleText,
                        expected: "\"\(node.compatible)\"")
                }
                if found.number(node.addressProperty) == nil {
                    findings.report(
                        .size, of: .luo(), at: found.place(structure, node.addressProperty, treeAt: luo.address),
                        found: found.sizeText(node.addressProperty),
                        expected: "8 bytes")
                }
            }
        },
        CheckRule(
            "luo-number", .warning, .accepted, .initialisation, "the number of live updates",
            "the kernel takes it as it is", in: "luo_early_startup"
        ) { handover, findings in
            guard let luo = handover.luo, luo.isCompatible, luo.number == 0 else { return }
            findings.report(
                .outOfRange, of: .luo(), at: luo.numberPlace, found: "0",
                expected: "1 or more: a kernel adds one")
        },
    ]

    /// The sessions' chain or array, and the sessions in it.
    static let sessionRules: [CheckRule] = [
        CheckRule(
            "session-chain", .error, .panic, .initialisation, "the chain of blocks of sessions", panics,
            in: "kho_block_set_restore"
        ) { handover, findings in
            guard let chain = handover.luo?.sessionRecords?.chain else { return }
            findings.reportUntakenChain(chain, handover.generation.luo?.sessions, owner: .luo())
        },
        CheckRule(
            "session-block-count", .error, .panic, .initialisation, "the number of sessions in a block", panics,
            in: "kho_block_set_restore"
        ) { handover, findings in
            guard let chain = handover.luo?.sessionRecords?.chain, let container = handover.generation.luo?.sessions
            else { return }
            findings.reportBadCount(chain, container, handover.context.pageSize, owner: .luo())
        },
        CheckRule(
            "session-address", .error, .unchecked, .initialisation, "where the sessions are",
            "the kernel follows the pointer, and takes whatever is there for sessions", in: "luo_session_setup_incoming"
        ) { handover, findings in
            guard handover.context.hasMemory, let records = handover.luo?.sessionRecords else { return }
            findings.reportMissing(records, SessionLayout.layout.structure.name, owner: .luo())
        },
        CheckRule(
            "session-count", .error, .unchecked, .open, "the number of sessions in their array",
            "the kernel reads on behind the pages", in: "luo_session_deserialize"
        ) { handover, findings in
            guard let count = handover.luo?.sessionRecords?.statedCount, let container = handover.generation.luo?.sessions
            else { return }
            let capacity = container.capacity(pageSize: handover.context.pageSize)
            guard count > UInt64(capacity) else { return }
            findings.report(
                .count, of: .luo(),
                at: Place(SessionHeaderLayout.layout.structure, at: handover.luo?.sessionsAddress)
                    .field(SessionHeaderLayout.layout.count),
                found: "\(count)",
                expected: "at most \(capacity), which is what the pages hold")
        },
        CheckRule(
            "session-duplicate", .error, .openFails, .open, "sessions of the same name",
            "/dev/liveupdate gives EIO", in: "luo_session_insert"
        ) { handover, findings in
            var seen: [[UInt8]: PhysicalAddress] = [:]
            for session in handover.sessions {
                let name = session.keptName
                if let first = seen[name] {
                    findings.report(
                        .duplicate, of: session.owner, at: session.place.field(SessionLayout.layout.name),
                        found: "\(session.name.quoted), as at \(first)", expected: "a name that no other session has",
                        errno: .io)
                } else {
                    seen[name] = session.address
                }
            }
        },
        CheckRule(
            "session-name", .warning, .accepted, .open, "the names of sessions",
            "the kernel keeps what its copy leaves of the name", in: "luo_session_alloc"
        ) { handover, findings in
            for session in handover.sessions {
                let field = SessionLayout.layout.name
                if !session.name.isTerminated {
                    findings.report(
                        .termination, of: session.owner, at: session.place.field(field),
                        found: "\(session.name.quoted) without a NUL",
                        expected: "a NUL within \(field.count) bytes: the last byte is cut off")
                } else if session.name.bytes.isEmpty {
                    findings.report(
                        .outOfRange, of: session.owner, at: session.place.field(field), found: "an empty name",
                        expected: "a name: no session can be created without")
                }
            }
        },
    ]
}

extension RuleFindings {
    /// Says why a chain is refused, other than for a count.
    mutating func reportUntakenChain(
        _ chain: ReceivedChain, _ container: RecordContainer?, owner: Owner, errno: KernelErrno? = nil
    ) {
        let header = BlockHeaderLayout.layout
        let place = Place(header.structure, at: chain.blocks.last?.address).field(header.next)
        let owner = owner.block(chain.blocks.count)
        switch chain.end {
        case .cyclic(let address):
            report(
                .cyclic, of: owner, at: place, found: "\(address), where the chain has been before",
                expected: "a chain that ends", errno: errno)
        case .tooLong(let address):
            report(
                .tooLong, of: owner, at: place, found: "\(address)",
                expected: "the end after \(container?.allocationLimit ?? chain.blocks.count) blocks", errno: errno)
        case .whole, .badCount, .outside, .shared: break
        }
    }

    mutating func reportBadCount(
        _ chain: ReceivedChain, _ container: RecordContainer, _ pageSize: PageSize, owner: Owner,
        errno: KernelErrno? = nil
    ) {
        guard case .badCount(let address, let count) = chain.end else { return }
        report(
            .count, of: owner.block((chain.blocks.firstIndex { $0.address == address } ?? 0) + 1),
            at: Place(BlockHeaderLayout.layout.structure, at: address).field(BlockHeaderLayout.layout.count), found: "\(count)",
            expected: "1 to \(container.capacity(pageSize: pageSize))", errno: errno)
    }

    /// Says where records are not at hand.
    mutating func reportMissing(_ records: ReceivedRecords, _ structure: String, owner: Owner) {
        if case .outside(let address, let from) = records.chain?.end {
            report(
                .notAvailable, of: owner.block((records.chain?.blocks.count ?? 0) + 1),
                at: Place(BlockHeaderLayout.layout.structure, at: address), found: "no memory at hand there",
                expected: "a block" + (from.map { ", to which the block at \($0) leads" } ?? ""))
        } else if let address = records.missing {
            report(
                .notAvailable, of: owner, at: Place(structure, at: address), found: "no memory at hand there",
                expected: "records")
        }
    }
}
