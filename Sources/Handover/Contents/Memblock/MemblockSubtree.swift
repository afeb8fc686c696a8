import FDT
import KernelABI

extension MemblockState: CodedSubtree {
    static let name = Generation.MemblockTree.subtree
    static let key = "memblock"
    static let blobForm = Extent.Form.tree
    static let inputKind = InputKind.tree(
        "memblock", "the FDT of reserve_mem regions", compatible: "memblock-v", subtree: name)
    static let shortcuts = [
        HandoverState.shortcut(
            "reserve_mem", for: \.memblock.orEmpty.regions, ArrayCodec(ObjectCodec<Region>()),
            "short for memblock.regions")
    ]

    static func read(
        _ blob: [UInt8], at address: PhysicalAddress?, _ generation: Generation, _ log: inout ReadingLog
    ) -> MemblockState? {
        let abi = generation.memblock
        func properties(_ node: FlattenedTree.Node, _ owner: Owner) -> TreeProperties {
            TreeProperties(node: node, structure: name, owner: owner, address: address)
        }
        do throws(FDTError) {
            let tree = try FlattenedTree(blob)
            var state = MemblockState()
            state.compatible = properties(tree.root, .subtree(name)).compatible(abi.compatible, &log)
            let compatible = KernelString(abi.regionCompatible)
            state.regions = tree.root.children.map { node in
                var region = Region()
                region.name = KernelString(node.name)
                let properties = properties(node, .region(region.name))
                region.compatible = properties.compatible(compatible, &log)
                region.start = properties.number(abi.startProperty, &log).map(PhysicalAddress.init(_:))
                region.size = properties.number(abi.sizeProperty, &log) ?? 0
                return region
            }
            return state
        } catch {
            log.report(
                .notATree, of: .subtree(name), at: Place(name, at: address), found: error.description,
                expected: "an FDT")
            return nil
        }
    }

    mutating func complete(in state: HandoverState, by planner: inout HandoverPlanner) {
        let abi = planner.generation.memblock
        compatible = compatible ?? KernelString(abi.compatible)
        var regions = regions ?? []
        let path = state.shortcuts.contains("reserve_mem") ? DocumentPath.root["reserve_mem"] : Self.regionsPath
        if regions.count > abi.regionLimit {
            planner.reportForceable(path, "\(regions.count) regions; RESERVE_MEM_MAX_ENTRIES is \(abi.regionLimit)")
        }
        var names: Set<KernelString> = []
        for index in regions.indices {
            let name = regions[index].name
            let path = path[index]
            regions[index].compatible = regions[index].compatible ?? KernelString(abi.regionCompatible)
            if name.bytes.isEmpty { planner.reportUnbuildable(path["name"], "a region needs a name") }
            if !names.insert(name).inserted {
                planner.reportUnbuildable(path["name"], "\(name.quoted) is already used")
            }
            if name.bytes.count >= abi.nameSize {
                planner.reportForceable(
                    path["name"],
                    "\(name.quoted) has \(name.bytes.count) bytes; RESERVE_MEM_NAME_SIZE is \(abi.nameSize), "
                        + "the NUL included")
            }
            if regions[index].size == 0 { planner.reportForceable(path["size"], "a region of 0 bytes") }
        }
        self.regions = regions
    }

    private static let regionsPath = DocumentPath.root[key]["regions"]

    mutating func visitAllocations<Visitor: AllocationVisitor>(
        by planner: inout HandoverPlanner, _ visitor: inout Visitor
    ) {
        for (index, region) in (regions ?? []).enumerated() {
            // The kernel preserves only whole pages: a partial last page is lost.
            var allocation = Allocation.pages(for: region.size, planner.pageSize)
            allocation.preservedByteCount = region.size & ~UInt64(planner.pageSize.bytes - 1)
            visitor.visit(
                &regions.orEmpty[index].start, allocation, Self.regionsPath[index]["start"], by: &planner)
        }
    }

    func blob(_ generation: Generation, _ pageSize: PageSize) throws(FDTError) -> [UInt8] {
        let abi = generation.memblock
        var writer = try SequentialWriter(capacity: pageSize.bytes)
        try writer.finishReservations()
        try writer.node("") { (root) throws(FDTError) in
            let compatible = compatible ?? KernelString(abi.compatible)
            try root.property("compatible", bytes: compatible.propertyBytes)
            for region in regions ?? [] {
                try root.node(region.name.repaired) { (node) throws(FDTError) in
                    let compatible = region.compatible ?? KernelString(abi.regionCompatible)
                    try node.property("compatible", bytes: compatible.propertyBytes)
                    try node.property(abi.startProperty, u64: region.start?.rawValue ?? 0, .littleEndian)
                    try node.property(abi.sizeProperty, u64: region.size, .littleEndian)
                }
            }
        }
        return try writer.finish().bytes
    }

    var extents: [Extent] {
        (regions ?? []).compactMap { region in
            guard let start = region.start, let count = Int(exactly: region.size) else { return nil }
            return Extent(
                address: start, byteCount: count, role: .region, form: .opaque, owner: .region(region.name))
        }
    }

    var title: String { compatible.map(\.bare) ?? "reserve_mem regions" }

    var list: ContentList? {
        regions.map { regions in
            ContentList("reserve_mem region", count: regions.count) { index in
                let region = regions[index]
                let range = region.start.map { start in
                    let end = region.size == 0 ? start : start.advanced(by: region.size - 1)
                    return ContentCell("\(start)–\(end?.description ?? "beyond the end of memory")", .address)
                }
                return [
                    ContentCell(region.name.bare, .name), range ?? ContentCell("no address", .warning),
                    ContentCell("", .byteCount(region.size)),
                ]
            }
        }
    }
}
