import FDT
import KernelABI

/// What is left of a root FDT that is cut short or missing, made whole for the reader.
///
/// Nothing is added but nodes without properties, for subtrees that are known by their blobs alone, and the names of
/// properties: they lie at the end of a tree, and are the first to be cut off. A kernel always writes the same ones in
/// the same order, so that their offsets tell which is which.
struct PartialRoot {
    private let partial: PartialTree?
    private let subtrees: [String]
    /// The names by their offsets, where the tree lacks them.
    private let lostNames: [UInt32: String]

    init(_ partial: PartialTree?, subtrees: [String]) {
        self.partial = partial
        self.subtrees = subtrees
        let nameless = partial?.root?.properties.filter { $0.name == nil && $0.isWhole } ?? []
        let generation = Generation.all.last { generation in
            nameless.contains { property in
                generation.root.namesByOffset[property.nameOffset] == "compatible"
                    && property.strings?.contains(generation.root.compatible) ?? false
            }
        }
        let bundle = nameless.first { $0.strings?.contains(Bundle.compatible) ?? false }
        lostNames = generation?.root.namesByOffset ?? bundle.map { [$0.nameOffset: "compatible"] } ?? [:]
    }

    /// The `compatible` of the root, if that is there.
    var compatible: PartialTree.Property? {
        partial?.root?.properties.first { name(of: $0) == "compatible" && $0.isWhole }
    }

    /// The size that the header states.
    var statedSize: UInt64? { partial?.header.map { UInt64($0.totalSize) } }

    /// What is missing.
    func findings(verdict: FDTError) -> [Finding] {
        var findings = partial?.findings(in: "root FDT", verdict: verdict) ?? []
        if !lostNames.isEmpty {
            findings.append(
                Finding(
                    .notAvailable, .unknown, of: .kho, at: Place("root FDT"), found: "no names of properties",
                    expected: "those that a kernel writes: they are taken for granted"))
        }
        return findings
    }

    /// A tree of what is there.
    ///
    /// - Parameter stated: what the root is compatible with, where it does not say so itself.
    func tree(compatible stated: String?) throws(FDTError) -> FlattenedTree {
        var writer = try SequentialWriter()
        try writer.finishReservations()
        try writer.beginNode("")
        if compatible == nil, let stated { try writer.property("compatible", string: stated) }
        var names: Set<String> = []
        if let partial, let root = partial.root {
            try addProperties(of: root, to: &writer)
            // A name that is cut off is nobody's: its node is among what is said to be missing.
            for node in partial.children(of: root)
            where !node.name.isEmpty && !node.hasCutName && names.insert(node.name).inserted {
                try writer.beginNode(node.name)
                try addProperties(of: node, to: &writer)
                try writer.endNode()
            }
        }
        for name in subtrees where names.insert(name).inserted {
            try writer.beginNode(name)
            try writer.endNode()
        }
        try writer.endNode()
        let tree = try writer.finish()
        if partial?.header?.memoryReservationOffset == tree.header.memoryReservationOffset { return tree }
        // How the original was made tells generations apart.
        var editor = try TreeEditor(opening: tree, capacity: tree.totalSize + 64)
        return try editor.pack()
    }

    private func addProperties(
        of node: PartialTree.Node, to writer: inout SequentialWriter
    ) throws(FDTError) {
        for property in node.properties where property.isWhole {
            guard let name = name(of: property), !name.isEmpty else { continue }
            try writer.property(name, bytes: property.bytes)
        }
    }

    private func name(of property: PartialTree.Property) -> String? {
        property.name ?? lostNames[property.nameOffset]
    }
}

extension Generation.RootTree {
    /// The strings block of every root FDT of the generation.
    ///
    /// `fdt_property` puts a new name before the others, `fdt_setprop` behind them.
    fileprivate var namesByOffset: [UInt32: String] {
        let ofSubtrees = [addressProperty, sizeProperty].compactMap { $0 }
        let ofRoot = ["compatible", mapProperty]
        let order =
            switch construction {
            case .sequential: Array((ofRoot + ofSubtrees).reversed())
            case .edited: ofRoot.reversed() + ofSubtrees
            }
        var names: [UInt32: String] = [:]
        var offset: UInt32 = 0
        for name in order {
            names[offset] = name
            offset += UInt32(name.utf8.count) + 1
        }
        return names
    }
}
