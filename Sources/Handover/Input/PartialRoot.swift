import FDT
import KernelABI

/// What is left of a root FDT that is cut short or missing, made whole for the reader.
///
/// Nothing is added but nodes without properties, for subtrees that are known by their blobs alone.
struct PartialRoot {
    private let partial: PartialTree?
    private let subtrees: [String]

    init(_ partial: PartialTree?, subtrees: [String]) {
        self.partial = partial
        self.subtrees = subtrees
    }

    private var root: PartialTree.Node? { partial?.root }

    var hasCompatible: Bool {
        root?.properties.contains { $0.name == "compatible" && $0.isWhole } ?? false
    }

    /// The size that the header states.
    var statedSize: UInt64? { partial?.header.map { UInt64($0.totalSize) } }

    /// A tree of what is there.
    ///
    /// - Parameter compatible: what the root is compatible with, where it does not say so itself.
    func tree(compatible: String?) throws(FDTError) -> FlattenedTree {
        var writer = try SequentialWriter()
        try writer.finishReservations()
        try writer.beginNode("")
        if !hasCompatible, let compatible { try writer.property("compatible", string: compatible) }
        var names: Set<String> = []
        if let partial, let root {
            try Self.addProperties(of: root, to: &writer)
            for node in partial.children(of: root) where !node.name.isEmpty && names.insert(node.name).inserted {
                try writer.beginNode(node.name)
                try Self.addProperties(of: node, to: &writer)
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

    private static func addProperties(
        of node: PartialTree.Node, to writer: inout SequentialWriter
    ) throws(FDTError) {
        for property in node.properties where property.isWhole {
            guard let name = property.name, !name.isEmpty else { continue }
            try writer.property(name, bytes: property.bytes)
        }
    }
}
