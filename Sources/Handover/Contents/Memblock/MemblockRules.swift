import FDT
import KernelABI

extension MemblockState {
    private static let remade = "the regions are created anew, without their contents"

    static let rules: [CheckRule] = [
        CheckRule(
            "memblock-subtree", .error, .partly, at: .initialisation, about: "the node of the reserve_mem regions",
            then: remade, in: "reserve_mem_kho_retrieve_fdt", seen: "failed to retrieve FDT 'memblock' from KHO: -22",
            explained: .init("6.16", .findWriter),
            claims: { finding, _ in
                finding.place.isInRoot && finding.owner == .subtree(name)
            }),
        CheckRule(
            "memblock-compatible", .error, .partly, at: .initialisation,
            about: "the version of the reserve_mem regions",
            then: remade, in: "reserve_mem_kho_retrieve_fdt",
            seen: "FDT 'memblock' is incompatible with 'memblock-v1': 1",
            explained: .init("6.16", .sameGeneration),
            claims: { finding, handover in
                finding.owner == .subtree(name) && !finding.place.isInRoot
                    && ([.compatible, .missing].contains(finding.cause)
                        || finding.cause == .notATree && !handover.hasRegionsBeforeDamage)
            },
            find: { handover, findings in
                guard handover.state.memblock != nil, let node = handover.subtree(name),
                    let address = node.number(handover.generation.root.addressProperty).map(PhysicalAddress.init(_:)),
                    handover.subject.isMisplaced(address)
                else { return }
                findings.report(
                    .misaligned, of: .subtree(name), at: Place(name, at: address),
                    found: "an FDT at an address that is not a multiple of 8", expected: "one that libfdt accepts")
            }),
        CheckRule(
            "memblock-structure", .error, .unchecked, at: .initialisation, about: "the nodes of reserve_mem regions",
            then: "the kernel looks up each of its regions by name, and finds only those before the damage",
            in: "reserve_mem_kho_revive",
            explained: .init("6.16", .findWriter),
            claims: { finding, handover in
                finding.owner == .subtree(name) && !finding.place.isInRoot
                    && finding.cause == .notATree && handover.hasRegionsBeforeDamage
            }),
        CheckRule(
            "memblock-region", .error, .partly, at: .initialisation, about: "the nodes of reserve_mem regions",
            then: "the region is created anew, without its contents", in: "reserve_mem_kho_revive",
            seen: "Node '…' is incompatible with 'reserve-mem-v1': 1",
            explained: .init("6.16", "Give both kernels the same reserve_mem= parameters: name and size must agree."),
            claims: { finding, _ in
                if case .region = finding.owner { true } else { false }
            },
            find: { handover, findings in
                let abi = handover.generation.memblock
                for region in handover.state.memblock?.regions ?? [] where region.name.bytes.count >= abi.nameSize {
                    findings.report(
                        .size, of: .region(region.name), at: Place("\(name)/\(region.name)"),
                        found: "a name of \(region.name.bytes.count) bytes",
                        expected: "at most \(abi.nameSize - 1): no region has this name")
                }
            }),
    ]
}

/// Exceeds the size of any tree of regions, in bytes.
private let mostOfTree = 1 << 24

extension ReceivedHandover {
    /// Whether the kernel accepts a damaged tree of `reserve_mem` regions, and finds a region in it.
    fileprivate var hasRegionsBeforeDamage: Bool {
        let abi = generation.memblock
        guard
            let address = subtree(MemblockState.name)?.number(generation.root.addressProperty).map(
                PhysicalAddress.init(_:)),
            let size = memory.copy(at: address, count: Header.size).flatMap({ PartialTree($0).header?.totalSize }),
            let bytes = memory.copy(at: address, count: min(Int(size), mostOfTree))
        else { return false }
        let tree = ReceivedTree(bytes, at: address, generation.root)
        guard tree.refusal == nil, let root = tree.root, root.isCompatible(with: abi.compatible) else { return false }
        return root.children.contains { region in
            region.isCompatible(with: abi.regionCompatible)
                && [abi.startProperty, abi.sizeProperty].allSatisfy { region.number($0) != nil }
        }
    }
}
