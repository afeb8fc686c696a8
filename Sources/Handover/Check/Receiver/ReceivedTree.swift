import FDT
import KernelABI

/// An FDT as the receiving kernel sees it: the header is checked, then whatever can be found is used.
struct ReceivedTree: Sendable {
    /// The reason why `fdt_check_header` rejects the tree; `nil` if it does not.
    let refusal: String?
    private let tree: PartialTree

    /// - Parameters:
    ///   - address: The address of the tree, if known.
    ///   - abi: Determines what the kernel's libfdt requires of a header.
    init(_ bytes: [UInt8], at address: PhysicalAddress?, _ abi: Generation.RootTree) {
        tree = PartialTree(bytes)
        let error = Header.verdict(
            on: bytes.span.bytes, at: address?.rawValue, HeaderRules(alignsBlocks: abi.alignsBlocks))
        refusal = error.map { $0.text + ($0.location.map { ": \($0)" } ?? "") }
    }

    var root: Node? { tree.root.map { Node(tree: tree, node: $0) } }

    /// A node of the tree.
    struct Node: Sendable {
        fileprivate let tree: PartialTree
        fileprivate let node: PartialTree.Node

        var name: String { node.name }

        var children: [Node] { tree.children(of: node).map { Node(tree: tree, node: $0) } }

        /// The child with this name; also matches a name followed by a unit address. C: `fdt_subnode_offset`.
        func child(_ name: String) -> Node? {
            children.first { $0.name == name || $0.name.hasPrefix(name + "@") }
        }

        /// The bytes of a property. C: `fdt_getprop`.
        func property(_ name: String) -> [UInt8]? {
            node.properties.first { $0.isNamed(name) && $0.isWhole }?.bytes
        }

        /// A property with a native, and so little-endian, u64; `nil` if it is missing or has another size.
        func number(_ name: String) -> UInt64? {
            guard let bytes = property(name), bytes.count == 8 else { return nil }
            return bytes.span.bytes.littleEndian(at: 0)
        }

        /// The place of a property's value, or of the node if it lacks the property.
        ///
        /// - Parameter address: The address of the tree in memory.
        func place(_ structure: String, _ name: String? = nil, treeAt address: PhysicalAddress?) -> Place {
            let property = name.flatMap { name in node.properties.first { $0.isNamed(name) } }
            let offset = property?.valueOffset ?? node.offset
            return Place(structure, field: name, at: address.flatMap { $0.advanced(by: UInt64(offset)) })
        }

        /// Whether the list contains the string. C: `fdt_node_check_compatible`.
        func isCompatible(with string: String) -> Bool {
            guard let list = property("compatible") else { return false }
            return list.split(separator: 0, omittingEmptySubsequences: false).dropLast().contains {
                $0.elementsEqual(string.utf8)
            }
        }

        /// The `compatible` property, for messages.
        var compatibleText: String {
            property("compatible").map { KernelString(compatibleBytes: $0).named } ?? "no such property"
        }

        /// A property that should be a u64, for messages.
        func sizeText(_ name: String) -> String {
            property(name).map { "\($0.count) bytes" } ?? "no such property"
        }
    }
}
