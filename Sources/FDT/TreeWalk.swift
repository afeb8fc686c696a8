import CLibFDT

extension FlattenedTree {
    /// What a walk over a tree comes past.
    public enum Event: Sendable {
        /// A node begins; `depth` is 0 for the root. Its name is read only if it is asked for.
        case beginNode(Node, depth: Int)
        /// A property of the node that was begun last and has not ended.
        case property(Property)
        /// The node that was begun last and has not ended ends.
        case endNode
        /// A word without meaning, left behind by `fdt_nop_property` or `fdt_nop_node`.
        case nop
    }

    /// Everything in the tree, once, in its order: one step a tag, whatever the shape of the tree.
    ///
    /// To be preferred to ``Node/children`` for whole trees: those look for the next child by reading over all that
    /// is below this one. C: `fdt_next_tag`.
    public var walk: Walk { Walk(tree: self, offset: 0) }

    /// A walk over a tree or over one of its nodes.
    public struct Walk: Sequence, IteratorProtocol {
        let tree: FlattenedTree
        var offset: Int32
        /// How many nodes have begun and not ended.
        var open = 0

        init(tree: FlattenedTree, offset: Int32) {
            self.tree = tree
            self.offset = offset
        }

        public mutating func next() -> Event? {
            guard offset >= 0 else { return nil }
            let here = offset
            let tag = fdt_next_tag(tree.storage.bytes, here, &offset)
            switch CInt(bitPattern: tag) {
            case FDT_BEGIN_NODE:
                open += 1
                return .beginNode(Node(tree: tree, offset: here), depth: open - 1)
            case FDT_END_NODE:
                open -= 1
                if open == 0 { offset = -1 }
                return .endNode
            case FDT_PROP:
                guard let property = Property(tree: tree, offset: here) else { break }
                return .property(property)
            case FDT_NOP:
                return .nop
            default:
                break
            }
            offset = -1
            return nil
        }
    }
}

extension FlattenedTree.Node {
    /// Everything in this node, once, in the tree's order, from its own beginning (at depth 0) to its end.
    public var walk: FlattenedTree.Walk { FlattenedTree.Walk(tree: tree, offset: offset) }
}
