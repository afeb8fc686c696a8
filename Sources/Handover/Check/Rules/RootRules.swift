import FDT
import KernelABI

extension CheckRule {
    private static let lost = "the boot continues, and everything that was handed over is lost"

    /// Rules about what is checked before anything is accepted.
    static let rootRules: [CheckRule] = [
        CheckRule(
            "kernel-without-kho", .error, .ignored, at: .root, about: "whether the kernel was built with KHO",
            then: lost,
            seen: "no message", explained: .init("6.16", "Boot a kernel built with CONFIG_KEXEC_HANDOVER."),
            find: { handover, findings in
                if handover.options.lacksKHO { findings.report(HandoverCheck.withoutKHO) }
            }),
        CheckRule(
            "boot-scratch", .error, .ignored, at: .root, about: "what the boot data says about scratch",
            then: lost, in: "early_init_dt_check_kho", seen: "no message",
            explained: .init("6.16", "Pass all of /chosen to the next kernel, as kexec -s does."),
            claims: { finding, _ in finding.place.structure == Place.bootData }),
        CheckRule(
            "root-header", .error, .ignored, at: .root, about: "the header of the root FDT", then: lost,
            in: "kho_populate", seen: "KHO: setup: handover FDT (0x…) is invalid: -N",
            explained: .init("6.16", .findWriter),
            find: { handover, findings in
                guard let root = handover.subject.root else { return }
                func report(_ cause: Finding.Cause, _ found: String, _ expected: String) {
                    findings.report(cause, of: .kho, at: handover.rootPlace, found: found, expected: expected)
                }
                if root.isEmpty {
                    report(.notAvailable, "no memory available there", "an FDT")
                } else if handover.subject.isMisplaced(handover.subject.rootAddress) {
                    report(.misaligned, "an address that is not a multiple of 8", "one that libfdt accepts")
                } else if let refusal = handover.tree?.refusal {
                    report(.notATree, refusal, "a header that libfdt accepts")
                }
            }),
        CheckRule(
            "root-compatible", .error, .ignored, at: .root, about: "the version of the root FDT", then: lost,
            in: "kho_populate", seen: "KHO: setup: handover FDT (0x…) is incompatible with 'kho-vN': 1",
            explained: .init("6.16", .sameGeneration),
            find: { handover, findings in
                let expected = handover.generation.root.compatible
                guard let tree = handover.tree, handover.subject.root?.isEmpty == false, tree.refusal == nil
                else { return }
                guard let root = tree.root else {
                    findings.report(
                        .missing, of: .kho, at: handover.rootPlace, found: "no root node", expected: "\"\(expected)\"")
                    return
                }
                guard !root.isCompatible(with: expected) else { return }
                findings.report(
                    .compatible, of: .kho,
                    at: root.place(Place.rootName, "compatible", treeAt: handover.subject.rootAddress),
                    found: root.compatibleText, expected: "\"\(expected)\"")
            }),
        CheckRule(
            "root-map", .error, .ignored, at: .root,
            about: "the property with the address of the map of preserved memory",
            then: lost, in: "kho_populate", seen: "KHO: failed to get preserved memory map; KHO: disabling KHO revival",
            explained: .init("6.16", .findWriter),
            find: { handover, findings in
                let name = handover.generation.root.mapProperty
                guard let tree = handover.tree, tree.refusal == nil, let root = tree.root,
                    root.isCompatible(with: handover.generation.root.compatible)
                else { return }
                let value = root.number(name)
                guard value == nil || value == 0 && handover.subject.side != .outgoing else { return }
                findings.report(
                    .link, of: .kho, at: root.place(Place.rootName, name, treeAt: handover.subject.rootAddress),
                    found: value == nil ? root.sizeText(name) : "0", expected: "8 bytes other than 0")
            }),
        CheckRule(
            "root-damaged", .error, .unchecked, at: .root, about: "a later root that is damaged",
            then: "the boot data names one root: if it is this one, the handover checked here is not the live one",
            in: "kho_populate",
            explained: .init(
                "6.16", "Specify the live root with --fdt-pa ADDRESS or --boot-data."),
            claims: { finding, _ in finding.cause == .damagedRoot }),
        CheckRule(
            "root-structure", .error, .partly, at: .root, about: "the nodes of the root FDT",
            then: "the kernel finds no subtree after the damage", in: "kho_retrieve_subtree",
            seen: "no message; LIVEUPDATE_IOCTL_RETRIEVE_SESSION fails with ENOENT",
            explained: .init("6.16", .findWriter),
            claims: { finding, _ in finding.place.isInRoot && finding.cause == .notATree },
            find: { handover, findings in
                guard handover.isPopulated, let root = handover.subject.root else { return }
                do throws(FDTError) {
                    _ = try FlattenedTree(root)
                } catch {
                    findings.report(
                        .notATree, of: .kho, at: handover.rootPlace, found: error.description,
                        expected: "an undamaged FDT")
                }
            }),
        CheckRule(
            "subtree-duplicate", .warning, .accepted, at: .root, about: "subtrees of the same name",
            then: "the kernel finds only the first of them", in: "kho_retrieve_subtree",
            explained: .init("6.16", "Register each subtree once, under its own name."),
            claims: { finding, _ in finding.place.isInRoot && finding.cause == .duplicate }),
    ]

    /// Rules about reserving the preserved memory.
    static let mapRules: [CheckRule] = [
        CheckRule(
            "map-pages", .error, .unchecked, at: .map, about: "the pages of the map of preserved memory",
            then: "the kernel follows the pointer, and treats whatever is there as part of the map",
            inFunctionOf: { $0.preservedMap.walker },
            seen: "often none: the boot ends before there is a console (earlycon shows it)",
            explained: .init("6.16", .captureMore),
            claims: { finding, _ in finding.owner.isMap }),
        CheckRule(
            "map-key", .error, .unchecked, at: .map, about: "the keys of preserved blocks",
            then: "the kernel still decodes the key, to a nonsensical block", in: "kho_decode_radix_key",
            explained: .init("7.1", .findWriter),
            find: { handover, findings in
                guard case .radix(let tree) = handover.state.preserved?.map else { return }
                let geometry = RadixGeometry(pageSize: handover.pageSize)
                for leaf in tree.leaves {
                    // In all other leaves, the last key has a block, and so has every key before it.
                    guard let last = leaf.bits.last, leaf.key == 0 || geometry.block(of: leaf.key | UInt64(last)) == nil
                    else { continue }
                    leaf.bits.forEachRun { run in
                        // Keys without a block are at the beginning or the end of a leaf.
                        for bit in [run.lowerBound, run.upperBound - 1] {
                            let key = leaf.key | UInt64(bit)
                            guard geometry.block(of: key) == nil else { continue }
                            findings.report(
                                .outOfRange, of: .keys(from: leaf.key), at: geometry.place(of: bit, in: leaf),
                                found: "key \(key.prefixedHex)", expected: "a key of 1 to \(geometry.keyWidth) bits")
                            return
                        }
                    }
                }
            }),
        CheckRule(
            "map-block", .error, .unchecked, at: .map, about: "preserved blocks beyond any memory",
            then: "the kernel marks the block's first page, which has no struct page",
            in: "kho_preserved_memory_reserve", seen: "often none: the boot ends before there is a console",
            explained: .init("6.16", .findWriter),
            find: { handover, findings in
                guard let blocks = handover.preserved else { return }
                let known = handover.options.memory
                if !known.isEmpty,
                    let beyond = blocks.summary.ranges.lazy.compactMap({ range in
                        let inside = intersect([range], known)
                        return inside == [range] ? nil : (range, inside.first)
                    }).first
                {
                    let (range, inside) = beyond
                    let first = inside.map { $0.lowerBound > range.lowerBound ? range.lowerBound : $0.upperBound }
                    findings.report(
                        .outOfRange, of: .map, at: Place("map of preserved memory", at: first ?? range.lowerBound),
                        found: "memory up to \(range.upperBound)", expected: "memory of the machine")
                    return
                }
                let limit = handover.subject.memoryEnd
                if let last = blocks.summary.ranges.last, last.upperBound > limit {
                    findings.report(
                        .outOfRange, of: .map, at: Place("map of preserved memory", at: max(last.lowerBound, limit)),
                        found: "memory up to \(last.upperBound)", expected: "none beyond \(limit)")
                }
            }),
    ]
}

extension Generation.PreservedMapForm {
    /// The kernel function that walks the map.
    fileprivate var walker: String {
        switch self {
        case .chunkedBitmaps: "kho_mem_deserialize"
        case .radixTree: "kho_radix_walk_tree"
        }
    }
}

extension RadixGeometry {
    /// The word of a leaf's bitmap that contains `bit`.
    fileprivate func place(of bit: Int, in leaf: RadixTreeState.Leaf) -> Place {
        let layout = RadixLeafLayout.layout(pageSize)
        let word = layout.bitmap[bit / 64]
        return Place(
            layout.structure.name, field: layout.bitmap.name, at: leaf.address?.advanced(by: UInt64(word.offset)))
    }
}
