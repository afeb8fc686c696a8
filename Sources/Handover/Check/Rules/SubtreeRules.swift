import FDT
import KernelABI

extension CheckRule {
    /// The subtrees besides LUO's.
    static let subtreeRules: [CheckRule] = [
        CheckRule(
            "memblock-subtree", .error, .partly, .initialisation, "the node of the reserve_mem regions",
            "the regions are made anew, without what was in them", in: "reserve_mem_kho_retrieve_fdt"
        ) { handover, findings in
            guard let subtree = handover.subtree(handover.generation.memblock.subtree) else { return }
            findings.reportIncomplete(subtree, handover)
        },
        CheckRule(
            "memblock-compatible", .error, .partly, .initialisation, "the version of the reserve_mem regions",
            "the regions are made anew, without what was in them", in: "reserve_mem_kho_retrieve_fdt"
        ) { handover, findings in
            guard let (tree, address) = handover.memblockTree else { return }
            let expected = handover.generation.memblock.compatible
            guard !(tree.root?.isCompatible(with: expected) ?? false) else { return }
            findings.report(
                .compatible, of: .subtree(handover.generation.memblock.subtree),
                at: tree.root?.place(handover.generation.memblock.subtree, "compatible", treeAt: address)
                    ?? Place(handover.generation.memblock.subtree, at: address),
                found: tree.root?.compatibleText ?? tree.absence, expected: "\"\(expected)\"")
        },
        CheckRule(
            "memblock-region", .error, .partly, .initialisation, "the nodes of reserve_mem regions",
            "the region is made anew, without what was in it", in: "reserve_mem_kho_revive"
        ) { handover, findings in
            let abi = handover.generation.memblock
            guard let (tree, address) = handover.memblockTree, let root = tree.root,
                root.isCompatible(with: abi.compatible)
            else { return }
            for node in root.children {
                let structure = "\(abi.subtree)/\(ImageText(node.name).bare)"
                let owner = Owner.region(KernelString(node.name))
                if !node.isCompatible(with: abi.regionCompatible) {
                    findings.report(
                        .compatible, of: owner, at: node.place(structure, "compatible", treeAt: address),
                        found: node.compatibleText,
                        expected: "\"\(abi.regionCompatible)\"")
                }
                for name in [abi.startProperty, abi.sizeProperty] where node.number(name) == nil {
                    findings.report(
                        .size, of: owner, at: node.place(structure, name, treeAt: address), found: node.sizeText(name),
                        expected: "8 bytes")
                }
                if node.name.utf8.count >= abi.nameSize {
                    findings.report(
                        .size, of: owner, at: node.place(structure, treeAt: address), found: "a name of \(node.name.utf8.count) bytes",
                        expected: "at most \(abi.nameSize - 1): no region has this name")
                }
            }
        },
        CheckRule(
            "kexec-metadata", .warning, .accepted, .initialisation, "the previous kernel's name",
            "the kernel warns, and does not say where it came from", in: "kho_in_kexec_metadata"
        ) { handover, findings in
            guard let abi = handover.generation.kexecMetadata, let subtree = handover.subtree(abi.subtree) else {
                return
            }
            guard subtree.isComplete else {
                findings.reportIncomplete(subtree, handover)
                return
            }
            let layout = KexecMetadataLayout.layout
            let place = Place(layout.structure, at: subtree.address)
            let owner = Owner.subtree(abi.subtree)
            guard let blob = handover.blob(of: subtree, limit: layout.structure.size) else {
                findings.report(.notAvailable, of: owner, at: place, found: "no memory at hand there", expected: "the blob")
                return
            }
            let version = blob.count >= 4 ? layout.version.read(blob.span.bytes) : nil
            if let version, version != abi.version {
                findings.report(
                    .compatible, of: owner, at: place.field(layout.version), found: "\(version)", expected: "\(abi.version)")
            } else if blob.count < layout.structure.size {
                findings.report(
                    .size, of: owner, at: place, found: "\(blob.count) bytes", expected: "\(layout.structure.size)")
            }
        },
    ]
}

extension RuleFindings {
    /// Says what a subtree's node lacks.
    mutating func reportIncomplete(_ subtree: ReceivedSubtree, _ handover: ReceivedHandover) {
        guard !subtree.isComplete else { return }
        let abi = handover.generation.root
        for name in [abi.addressProperty, abi.sizeProperty].compactMap({ $0 }) where subtree.node.number(name) == nil {
            report(
                .size, of: .subtree(subtree.name),
                at: subtree.node.place(
                    "root FDT/\(ImageText(subtree.name).bare)", name, treeAt: handover.subject.rootAddress),
                found: subtree.node.sizeText(name), expected: "8 bytes")
        }
    }
}

extension ReceivedHandover {
    /// The FDT of the regions, and where it is.
    fileprivate var memblockTree: (ReceivedTree, PhysicalAddress?)? {
        guard let subtree = subtree(generation.memblock.subtree), subtree.isComplete,
            let blob = blob(of: subtree, limit: context.pageSize.bytes)
        else { return nil }
        return (ReceivedTree(blob, at: subtree.address), subtree.address)
    }
}
