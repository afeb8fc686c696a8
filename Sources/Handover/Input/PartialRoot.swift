import FDT
import KernelABI

/// The remains of a truncated or missing root FDT, completed for the reader.
///
/// Adds only nodes without properties, for subtrees that are known by their blobs alone, and the names of properties:
/// these are at the end of a tree, so they are the first to be cut off. Kernels always write the same names in the same
/// order, so their offsets identify them.
struct PartialRoot {
    private let partial: PartialTree?
    private let subtrees: [String]
    /// The names by their offsets, if the tree lacks them.
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

    /// The `compatible` of the root, if present.
    var compatible: PartialTree.Property? {
        partial?.root?.properties.first { name(of: $0) == "compatible" && $0.isWhole }
    }

    /// The size stated in the header.
    var statedSize: UInt64? { partial?.header.map { UInt64($0.totalSize) } }

    /// What is missing.
    func findings(verdict: FDTError) -> [Finding] {
        var findings = partial?.findings(in: "root FDT", verdict: verdict) ?? []
        if !lostNames.isEmpty {
            findings.append(
                Finding(
                    .notAvailable, .unknown, of: .kho, at: Place("root FDT"), found: "no property names",
                    expected: "those that a kernel writes, which are assumed"))
        }
        return findings
    }

    /// A tree with what is present.
    ///
    /// - Parameter stated: What the root is compatible with, if it does not state it itself.
    func tree(compatible stated: String?) throws(FDTError) -> FlattenedTree {
        var writer = try SequentialWriter()
        try writer.finishReservations()
        try writer.beginNode("")
        if compatible == nil, let stated { try writer.property("compatible", string: stated) }
        var names: Set<String> = []
        if let partial, let root = partial.root {
            try addProperties(of: root, to: &writer)
            // A truncated name identifies nothing: its node is already reported as missing.
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
        // The construction of the original distinguishes generations.
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
    /// `fdt_property` adds a new name before the others, `fdt_setprop` after them.
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
