import FDT
import KernelABI

extension CheckRule {
    private static let panics = "the kernel panics, as it cannot tell what it was handed"

    /// Whether a finding is about LUO's state itself, as a structure or an FDT.
    private static func isState(_ finding: Finding, _ handover: ReceivedHandover) -> Bool {
        guard finding.owner.isLUO, let abi = handover.abi else { return false }
        return finding.place.isIn(abi.record?.structure) || finding.place.structure == abi.subtree
            || finding.place.structure.hasPrefix(abi.subtree + "/")
    }

    /// Whether the bytes are those of LUO's subtree in some generation: `luo_ser`, or an FDT.
    private static func isStateOfLUO(_ bytes: [UInt8]) -> Bool {
        let prefix = LUOLayout.compatiblePrefix
        if bytes.starts(with: prefix.utf8) { return true }
        let compatible = (try? FlattenedTree(bytes: bytes.span.bytes))?.root.property("compatible")
        return compatible?.bytes.starts(with: prefix.utf8) ?? false
    }

    /// Rules about LUO's state, which is read while the kernel initialises.
    static let luoRules: [CheckRule] = [
        CheckRule(
            "luo-absent", .note, .accepted, at: .initialisation, about: "whether there is LUO state",
            then: "the kernel starts without sessions", in: "luo_early_startup",
            seen: "no message; LIVEUPDATE_IOCTL_RETRIEVE_SESSION fails with ENOENT",
            explained: .init("6.19", "If sessions were meant to be handed over, boot with liveupdate=on."),
            find: { handover, findings in
                guard handover.isPopulated, let abi = handover.abi, handover.subtree(abi.subtree) == nil
                else { return }
                findings.report(
                    .missing, of: .luo(), at: handover.rootPlace, found: "no subtree \(abi.subtree)",
                    expected: "one, if there are sessions")
            }),
        CheckRule(
            "luo-misnamed", .error, .partly, at: .initialisation, about: "LUO state under another name",
            then: "the kernel does not find it, and starts without sessions", in: "luo_early_startup",
            errno: .noEntry, seen: "LIVEUPDATE_IOCTL_RETRIEVE_SESSION fails with ENOENT",
            explained: .init("6.19", .sameGeneration),
            find: { handover, findings in
                guard handover.isPopulated, let abi = handover.abi, handover.subtree(abi.subtree) == nil
                else { return }
                for subtree in handover.state.kho?.subtrees ?? [] where subtree.data.map(isStateOfLUO) ?? false {
                    findings.report(
                        .missing, of: .subtree(subtree.name.repaired),
                        at: Place("\(Place.rootName)/\(subtree.name.repaired)", at: subtree.address),
                        found: "LUO state", expected: "the name \(abi.subtree)")
                }
            }),
        CheckRule(
            "luo-unknown", .error, .partly, at: .initialisation, about: "LUO state for a kernel without LUO",
            then: "the boot continues, and the sessions are lost", seen: "no message; there is no /dev/liveupdate",
            explained: .init("6.16", "Boot a kernel with the Live Update Orchestrator: 6.19 or later."),
            find: { handover, findings in
                guard handover.isPopulated, handover.abi == nil,
                    let name = Generation.all.compactMap({ $0.luo?.subtree }).first(where: {
                        handover.subtree($0) != nil
                    })
                else { return }
                findings.report(
                    .compatible, of: .luo(), at: Place("\(Place.rootName)/\(name)", at: handover.subject.rootAddress),
                    found: "LUO state", expected: "a kernel with LUO")
            }),
        CheckRule(
            "luo-subtree", .error, .panic, at: .initialisation, about: "the node of LUO's state", then: panics,
            in: "luo_early_startup", seen: "luo: failed to retrieve LUO state 'LUO' from KHO: -22",
            explained: .init("6.19", .findWriter),
            claims: { finding, handover in
                finding.place.isInRoot && finding.owner == handover.abi.map { .subtree($0.subtree) }
            },
            find: { handover, findings in
                guard let name = handover.abi?.subtree, let node = handover.subtree(name) else { return }
                let abi = handover.generation.root
                let properties = [abi.sizeProperty, abi.addressProperty].compactMap { $0 }
                // The nodes of an incomplete root are not read, but libfdt finds those before the damage.
                guard let missing = properties.first(where: { node.number($0) == nil }),
                    let root = handover.subject.root, (try? FlattenedTree(root)) == nil
                else { return }
                findings.report(
                    .missing, of: .subtree(name),
                    at: node.place(Place.rootName, missing, treeAt: handover.subject.rootAddress),
                    found: node.sizeText(missing), expected: "8 bytes")
            }),
        CheckRule(
            "luo-address", .error, .unchecked, at: .initialisation, about: "the address of LUO's state",
            then: "the kernel reads whatever is there", in: "luo_early_startup",
            seen: "BUG: unable to handle page fault for address: …",
            explained: .init("6.19", .captureMore),
            claims: { finding, handover in finding.owner == handover.abi.map { .subtree($0.subtree) } },
            find: { handover, findings in
                guard let name = handover.abi?.subtree, let address = handover.luoAddress else { return }
                handover.reportIfNowhere(address, of: .subtree(name), at: Place("subtree"), &findings)
            }),
        CheckRule(
            "luo-size", .error, .panic, at: .initialisation, about: "the size of LUO's state", then: panics,
            in: "luo_early_startup", seen: "luo: LUO state is too small (N < 32)",
            explained: .init("7.2", .findWriter),
            claims: { finding, handover in
                finding.owner.isLUO && finding.cause == .size && finding.place.isIn(handover.abi?.record?.structure)
            }),
        CheckRule(
            "luo-damaged", .error, .unchecked, at: .initialisation,
            about: "damage after what the kernel reads of LUO's FDT",
            then:
                "libfdt finds what it looks for, and the kernel uses it; the consequences are not predicted here",
            in: "luo_early_startup",
            explained: .init("6.19", to: "7.1", .findWriter),
            claims: { finding, handover in
                isState(finding, handover) && finding.cause == .notATree && handover.findsAllOfLUO
            }),
        CheckRule(
            "luo-compatible", .error, .panic, at: .initialisation, about: "the version of LUO's state", then: panics,
            in: "luo_early_startup", seen: "luo: LUO state is incompatible with 'luo-vN'",
            explained: .init("6.19", .sameGeneration),
            claims: { finding, handover in
                isState(finding, handover) && [.compatible, .notATree].contains(finding.cause)
                    && !finding.place.structure.contains("/")
            },
            find: { handover, findings in
                guard case .tree = handover.abi?.form, let address = handover.luoAddress,
                    handover.luo != nil, handover.subject.isMisplaced(address)
                else { return }
                findings.report(
                    .misaligned, of: .luo(), at: Place(handover.abi?.subtree ?? "", at: address),
                    found: "an FDT at an address that is not a multiple of 8", expected: "one that libfdt accepts")
            }),
        CheckRule(
            "luo-tree", .error, .panic, at: .initialisation, about: "the nodes and properties of LUO's FDT",
            then: panics,
            in: "luo_early_startup", seen: "luo: …, and a panic",
            explained: .init("6.19", to: "7.1", .findWriter),
            claims: { finding, handover in
                isState(finding, handover) && [.missing, .size, .compatible].contains(finding.cause)
            }),
        CheckRule(
            "luo-number", .warning, .accepted, at: .initialisation, about: "the number of live updates",
            then: "the kernel accepts it", in: "luo_early_startup",
            explained: .init("6.19", .nothing),
            find: { handover, findings in
                guard handover.luo?.liveUpdateNumber == 0,
                    let place = handover.place(of: { $0.liveUpdateNumber }, { $0.numberProperty })
                else { return }
                findings.report(
                    .outOfRange, of: .luo(), at: place, found: "0", expected: "1 or more: a kernel adds one")
            }),
    ]
}

extension ReceivedHandover {
    /// Whether libfdt finds everything that the kernel looks up in LUO's FDT, complete or not. C: the only check before
    /// that is `fdt_ro_probe_`.
    fileprivate var findsAllOfLUO: Bool {
        guard let abi, case .tree(let tree) = abi.form, let address = luoAddress,
            !subject.isMisplaced(address), let bytes = memory.copy(at: address, count: pageSize.bytes)
        else { return false }
        let received = ReceivedTree(bytes, at: address, generation.root)
        guard let root = received.root, root.isCompatible(with: abi.compatible),
            root.number(tree.numberProperty) != nil
        else { return false }
        return [tree.sessions, tree.flbs].compactMap { $0 }.allSatisfy { node in
            guard let found = root.child(node.name), found.isCompatible(with: node.compatible) else { return false }
            return found.number(node.addressProperty) != nil
        }
    }

    /// The place of a part of LUO's state: a field of its structure, or a property of its FDT.
    func place<Value>(
        of field: (LUOLayout) -> Field<Value>, _ property: (Generation.LUOState.Tree) -> String?
    ) -> Place? {
        guard let abi else { return nil }
        switch abi.form {
        case .record(let layout): return Place(layout.structure, at: luoAddress).field(field(layout))
        case .tree(let tree): return Place(abi.subtree, field: property(tree), at: luoAddress)
        }
    }
}
