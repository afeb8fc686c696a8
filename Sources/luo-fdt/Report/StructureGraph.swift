import Handover
import KernelABI

/// The structures of a handover, from the root to the pages of files, each below the one that points to it.
struct StructureGraph {
    struct Node {
        /// The piece of the handover; `nil` for omitted pieces.
        var extent: Extent?
        var title: String
        /// The number of links from the root to it.
        var depth: Int
        /// The index of the node that points to it.
        var parent: Int?
    }

    /// Each node follows the one that points to it.
    private(set) var nodes: [Node] = []

    /// Limits on how much of a large handover is shown.
    private enum Limit {
        static let nodes = 160
        static let children = 6
        static let mapChildren = 1
    }

    init(of document: HandoverDocument) {
        let extents = document.reading.extents
        let indices = Dictionary(
            extents.indices.map { (extents[$0].address, $0) }, uniquingKeysWith: { first, _ in first })
        var visited: Set<Int> = []

        func add(_ index: Int, depth: Int, parent: Int?, to nodes: inout [Node]) {
            guard visited.insert(index).inserted else { return }
            let extent = extents[index]
            let place = nodes.count
            nodes.append(Node(extent: extent, title: extent.title, depth: depth, parent: parent))
            var children: [Int] = []
            for address in extent.addresses(in: document.memory) {
                if let child = indices[address], !visited.contains(child), !children.contains(child) {
                    children.append(child)
                }
            }
            // Show what is handed over first, then a part of the map, which is enough.
            func isMap(_ child: Int) -> Bool { MemoryFigure.Use(extents[child]) == .map }
            children = children.filter { !isMap($0) } + children.filter(isMap)
            let limit = isMap(index) ? Limit.mapChildren : Limit.children
            let shown = children.count <= limit + 1 ? children.count : limit
            for child in children.prefix(nodes.count < Limit.nodes ? shown : 0) {
                add(child, depth: depth + 1, parent: place, to: &nodes)
            }
            if extent.holdsFrames, case .records(_, _, let count) = extent.form {
                let pages = "\(Quantity.count(count, "folio")) of \(extent.owner)"
                nodes.append(Node(extent: nil, title: pages, depth: depth + 1, parent: place))
            } else if children.count > shown || nodes.count >= Limit.nodes && !children.isEmpty {
                let rest = children.count { !visited.contains($0) }
                if rest > 0 {
                    nodes.append(Node(extent: nil, title: "… \(rest) more", depth: depth + 1, parent: place))
                }
            }
        }

        for index in extents.indices where extents[index].role == .root {
            add(index, depth: 0, parent: nil, to: &nodes)
        }
    }
}
