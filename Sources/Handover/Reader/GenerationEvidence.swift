import FDT
import KernelABI

/// Determines the generation of a handover from its root FDT and what it refers to.
///
/// Generations may share the version that the root states; then the construction of the root and the form of LUO's
/// state decide.
struct GenerationEvidence {
    private let compatible: [String]
    private let isSequential: Bool
    private let hasSubtrees: Bool
    private let luoBlob: [UInt8]?
    /// The generation of the release named by a subtree.
    private let writer: Generation.ID?
    private let hasLUO: Bool
    private let root: FlattenedTree
    private let context: ReadingContext
    private let generations: [Generation]

    init(root: FlattenedTree, reader: RootReader) {
        self.root = root
        context = reader.context
        let generations = reader.generations
        self.generations = generations
        compatible = root.root.property("compatible")?.strings ?? []
        isSequential = root.header.memoryReservationOffset != UInt32(Header.size)
        let nodes = Array(root.root.children)
        hasSubtrees = !nodes.isEmpty
        let luo = nodes.first { node in generations.contains { $0.luo?.subtree == node.name } }
        hasLUO = luo != nil
        luoBlob = luo.flatMap { Self.blob(of: $0, reader) }
        let release = nodes.lazy.compactMap { node in
            ContentKinds.codedSubtree(named: node.name).flatMap { kind in
                Self.blob(of: node, reader).flatMap { kind.writer(of: $0) }
            }
        }.first
        writer = release?.validString.flatMap { Generation(release: $0, among: generations) }?.id
    }

    private static func blob(of node: FlattenedTree.Node, _ reader: RootReader) -> [UInt8]? {
        if let blob = reader.blobs[node.name] { return blob }
        // Faults are reported later, when everything is read.
        var log = ReadingLog(context: reader.context)
        guard let generation = reader.generations.last(where: { node.property($0.root.addressProperty) != nil })
        else { return nil }
        var subtree = SubtreeState(name: KernelString(node.name))
        subtree.address = node.property(generation.root.addressProperty)?.u64(.littleEndian)
            .map(PhysicalAddress.init(_:))
        subtree.size = generation.root.sizeProperty.flatMap { node.property($0)?.u64(.littleEndian) }
        return reader.blob(node.name, of: subtree, isTree: generation.root.sizeProperty == nil, &log)
    }

    /// The generations with the most evidence, among those with the version that the root states. The first is the
    /// oldest, or the one whose bitmaps have the detected size.
    var fitting: [Generation] {
        let luo = luoBlob.flatMap { try? FlattenedTree($0) }
        var best: (generations: [Generation], score: Int) = ([], -1)
        // Unreleased generations count only if the handover names them.
        let candidates = generations.filter {
            compatible.contains($0.root.compatible) && ($0.isReleased || $0.id == writer)
        }
        let bitmapForm = bitmapForm(among: candidates)
        for candidate in candidates {
            var score = 0
            if hasSubtrees, isSequential == (candidate.root.construction == .sequential) { score += 1 }
            if hasLUO == (candidate.luo != nil) { score += 2 }
            if let luo, case .tree(let form) = candidate.luo?.form {
                let hasFLBs = flbNodeNames.contains { luo.root.subnode(named: $0) != nil }
                if hasFLBs == (form.flbs != nil) { score += 4 }
            }
            // Without memory, nothing is known about the bitmaps.
            if context.hasMemory, candidate.preservedMap == bitmapForm { score += 1 }
            if candidate.id == writer { score += 8 }
            if score > best.score { best = ([], score) }
            if score == best.score { best.generations.append(candidate) }
        }
        if context.hasMemory { return Array(best.generations.prefix(1)) }
        return best.generations.filter { $0.preservedMap == bitmapForm }
            + best.generations.filter { $0.preservedMap != bitmapForm }
    }

    /// The form of bitmaps that fits the map best; the larger ones if all fit equally well.
    ///
    /// Small bitmaps can be closer together, and cover smaller ranges, than large ones.
    private func bitmapForm(among candidates: [Generation]) -> Generation.PreservedMapForm {
        let forms = candidates.map(\.preservedMap).filter { $0 != .radixTree && $0 != .chunkedBitmaps(.page) }
        var best = Generation.PreservedMapForm.chunkedBitmaps(.page)
        guard !forms.isEmpty,
            let map = candidates.lazy.compactMap({ root.root.property($0.root.mapProperty)?.u64(.littleEndian) }).first
        else { return best }
        func misfits(_ form: Generation.PreservedMapForm) -> Int {
            PreservedMapReader(context: context, form: form).misfits(at: PhysicalAddress(map))
        }
        var fewest = misfits(best)
        for form in forms where fewest > 0 {
            let count = misfits(form)
            if count < fewest { (best, fewest) = (form, count) }
        }
        return best
    }

    private var flbNodeNames: [String] {
        generations.compactMap { generation in
            if case .tree(let form) = generation.luo?.form { form.flbs?.name } else { nil }
        }
    }
}
