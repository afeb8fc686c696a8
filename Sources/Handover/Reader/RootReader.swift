import FDT
import KernelABI

/// Reads the root FDT and everything it refers to.
struct RootReader {
    var context: ReadingContext
    /// Blobs that are available by name, in addition to or instead of memory.
    let blobs: [String: [UInt8]]
    /// The generation to read as, or `nil` to detect it.
    let generation: Generation?
    /// The possible generations.
    let generations: [Generation]
    /// Whether the root is a kernel's own; what another one lacks is not reported.
    let isKernels: Bool

    /// Reads a handover from its root.
    func read(_ tree: FlattenedTree, at address: PhysicalAddress?, _ log: inout ReadingLog) -> HandoverState? {
        let fitting = generation.map { [$0] } ?? GenerationEvidence(root: tree, reader: self).fitting
        guard let generation = fitting.first else {
            let property = tree.root.property("compatible")
            let compatible = property.map { KernelString(compatibleBytes: $0.bytes) }
            let known = Set(generations.filter(\.isReleased).map(\.root.compatible)).sorted().joined(separator: ", ")
            log.report(
                .compatible, of: .kho,
                at: Place(
                    "root FDT", field: "compatible",
                    at: address.flatMap { $0.advanced(by: UInt64(property?.valueOffset ?? 0)) }),
                found: compatible?.named ?? "no such property",
                expected: "one of \(known)"
                    + (DevelopmentSeries.describe(compatible: compatible?.bytes ?? []).map { ": this is \($0)" } ?? ""))
            let isRoot = property?.strings?.contains { $0.hasPrefix("kho-v") } ?? false
            return isRoot ? readUnknown(tree, compatible, at: address, &log) : nil
        }
        log.otherGenerations = Array(fitting.dropFirst())
        let abi = generation.root
        let properties = TreeProperties(
            node: tree.root, structure: "root FDT", owner: .kho, address: address, isReported: isKernels)
        var state = begin(tree, at: address, properties.compatible(abi.compatible, &log), isListed: isKernels, &log)
        state.generation = generation
        var kho = state.kho ?? KHOState()
        kho.preservedMemoryMap = properties.number(abi.mapProperty, &log).map(PhysicalAddress.init(_:))
        if let map = kho.preservedMemoryMap {
            state.preserved = PreservedMapReader(context: context, form: generation.preservedMap).read(at: map, &log)
        }
        var reader = self
        reader.context.preserved = state.preserved.map { PreservedIndex($0, pageSize: context.pageSize) }
        return reader.readSubtrees(of: tree, generation, kho, state, &log)
    }

    private func readSubtrees(
        of tree: FlattenedTree, _ generation: Generation, _ root: KHOState, _ known: HandoverState,
        _ log: inout ReadingLog
    ) -> HandoverState {
        var kho = root
        var state = known
        // A kernel looks up nodes by name, and uses the first that libfdt finds.
        var taken: [FlattenedTree.Node: String] = [:]
        for name in generation.subtrees {
            if let node = tree.root.subnode(named: name) { taken[node] = name }
        }
        var subtrees: [SubtreeState] = []
        for node in tree.root.children {
            subtrees.append(readSubtree(node, as: taken[node], rootAt: root.fdtAddress, generation, into: &state, &log))
        }
        kho.subtrees = subtrees
        state.kho = kho
        return state
    }

    /// Reads a root of an unknown version, assuming the nodes of the latest version: only the subtrees.
    private func readUnknown(
        _ tree: FlattenedTree, _ compatible: KernelString?, at address: PhysicalAddress?, _ log: inout ReadingLog
    ) -> HandoverState {
        let abi = Generation.latest.root
        var state = begin(tree, at: address, compatible, isListed: true, &log)
        state.kho?.subtrees = tree.root.children.map { node in
            var subtree = SubtreeState(name: KernelString(node.name))
            subtree.address = node.property(abi.addressProperty)?.u64(.littleEndian).map(PhysicalAddress.init(_:))
            subtree.size = abi.sizeProperty.flatMap { node.property($0)?.u64(.littleEndian) }
            subtree.data = blob(node.name, of: subtree, isTree: false, &log)
            return subtree
        }
        return state
    }

    /// The state common to any root.
    private func begin(
        _ tree: FlattenedTree, at address: PhysicalAddress?, _ compatible: KernelString?, isListed: Bool,
        _ log: inout ReadingLog
    ) -> HandoverState {
        if let address, isListed {
            log.add(.root, .tree, at: address, tree.totalSize, of: .kho)
        }
        var state = HandoverState()
        state.pageSize = context.pageSize
        state.machine = context.memory.statedMachine
        var kho = KHOState()
        kho.fdtAddress = address
        kho.fdtSize = UInt64(tree.totalSize)
        kho.compatible = compatible
        state.kho = kho
        return state
    }

    /// - Parameter taken: The name for which a kernel uses this node, if it looks for one.
    private func readSubtree(
        _ node: FlattenedTree.Node, as taken: String?, rootAt address: PhysicalAddress?, _ generation: Generation,
        into state: inout HandoverState, _ log: inout ReadingLog
    ) -> SubtreeState {
        let abi = generation.root
        let name = node.name
        let properties = TreeProperties(
            node: node, structure: "root FDT", owner: .subtree(name), address: address, isReported: isKernels)
        var subtree = SubtreeState(name: KernelString(name))
        subtree.address = properties.number(abi.addressProperty, &log).map(PhysicalAddress.init(_:))
        subtree.size = abi.sizeProperty.flatMap { properties.number($0, &log) }
        if taken == nil, generation.subtrees.contains(name) {
            log.report(
                .duplicate, of: .subtree(name), at: properties.place(), found: "a second node of this name",
                expected: "one, as a kernel uses only the first")
        }
        guard let blob = blob(name, of: subtree, isTree: abi.sizeProperty == nil, &log) else { return subtree }
        subtree.size = subtree.size ?? UInt64(blob.count)

        let isKnown =
            taken.map { readKnown($0, blob, at: subtree.address, generation, into: &state, &log) } ?? false
        if !isKnown || taken != name {
            subtree.content = isKnown ? nil : readContent(of: subtree, blob, generation, &log)
            if subtree.content == nil { subtree.data = blob }
        }
        if let address = subtree.address {
            let form =
                (subtree.content as? Payload)?.form
                ?? Self.form(of: taken ?? name, generation, isKnown: isKnown, blob)
            // The kernel clears a page before storing a structure in it, so the whole page belongs to it.
            let byteCount: Int
            switch form {
            case .structure, .records:
                byteCount = Int(context.pageSize.pages(for: UInt64(blob.count))) * context.pageSize.bytes
            case .slice, .tree, .opaque: byteCount = blob.count
            }
            log.add(.subtree, form, at: address, byteCount, of: .subtree(name))
        }
        return subtree
    }

    /// Reads a subtree that is described by a kind of content.
    private func readContent(
        of subtree: SubtreeState, _ blob: [UInt8], _ generation: Generation, _ log: inout ReadingLog
    ) -> (any Content)? {
        let owner = Owner.subtree(subtree.name.repaired)
        let reader = ContentReader(context: context, place: .subtree, generation: generation)
        let candidates = context.kinds.candidates(named: subtree.name, at: .subtree, generation)
        guard !candidates.isEmpty else { return nil }
        let content = reader.choose(among: candidates, owner: owner, &log) { kind, log in
            (kind as? DescribedKind)?.read(blob: blob, at: subtree.address, owner: owner, context, &log)
        }
        // Parts of the blob that are not in the description would be lost.
        guard let payload = content as? Payload, payload.root != nil, payload.blob == blob else { return nil }
        return payload
    }

    /// - Parameter name: A name that the generation knows.
    func readKnown(
        _ name: String, _ blob: [UInt8], at address: PhysicalAddress?, _ generation: Generation,
        into state: inout HandoverState, _ log: inout ReadingLog
    ) -> Bool {
        if let luo = generation.luo, name == luo.subtree {
            state.luo = LUOReader(context: context, generation: generation, abi: luo).read(blob, at: address, &log)
            return state.luo != nil
        }
        let content = ContentKinds.codedSubtree(named: name)?.read(blob, at: address, generation, &log)
        state.coded[name] = content.map { AnySubtree(content: $0) }
        return content != nil
    }

    private static func form(
        of name: String, _ generation: Generation, isKnown: Bool, _ blob: [UInt8]
    ) -> Extent.Form {
        if isKnown, let luo = generation.luo, name == luo.subtree, let layout = luo.record {
            return .structure(layout.structure)
        }
        if isKnown, let kind = ContentKinds.codedSubtree(named: name) { return kind.blobForm }
        return blob.starts(with: [0xd0, 0x0d, 0xfe, 0xed]) ? .tree : .opaque
    }

    /// The bytes of a subtree: given as a blob, or read from memory.
    func blob(
        _ name: String, of subtree: SubtreeState, isTree: Bool, _ log: inout ReadingLog
    ) -> [UInt8]? {
        let structure = "subtree \(ImageText(name).bare)"
        if let blob = blobs[name] {
            let stated = isTree ? Header(blob.span.bytes).map { UInt64($0.totalSize) } : subtree.size
            guard let stated, stated > UInt64(blob.count) else { return blob }
            log.report(
                .input, of: .subtree(name), at: Place(structure), found: "a file of \(blob.count) bytes",
                expected: "all \(stated): it is truncated")
            return nil
        }
        guard let address = subtree.address else { return nil }
        var size = subtree.size
        if isTree {
            // If there is no size next to its address, a subtree is an FDT, which states its own.
            size =
                context.read(structure, of: .subtree(name), at: address, count: Header.size, &log) { bytes in
                    Header(bytes).map { UInt64($0.totalSize) }
                } ?? nil
        }
        guard let size else { return nil }
        guard log.visit(address, as: .subtree, structure: structure, of: .subtree(name)) else { return nil }
        guard let count = Int(exactly: size), size <= context.memorySize, log.spend(size) else {
            log.report(
                context.hasMemory ? .size : .notAvailable, context.hasMemory ? .damage : .unknown, of: .subtree(name),
                at: Place(structure, at: address),
                found: context.hasMemory ? "a blob of \(size) bytes" : "no memory available there",
                expected: context.hasMemory ? "less than the available memory" : "\(size) bytes")
            // A structure of fixed size is at the beginning, whatever the stated size.
            let rest = context.pageSize.bytes - Int(address.rawValue % UInt64(context.pageSize.bytes))
            return context.memory.copy(at: address, count: rest)
        }
        return context.read(structure, of: .subtree(name), at: address, count: count, &log) { bytes in
            [UInt8](copying: bytes)
        }
    }
}
