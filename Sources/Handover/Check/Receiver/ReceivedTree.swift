import FDT
import KernelABI

/// An FDT as a kernel sees one that it was handed: its header is checked, and then whatever can be found is taken.
struct ReceivedTree: Sendable {
    /// What `fdt_check_header` says.
    let headerVerdict: FDTError?
    private let tree: PartialTree

    /// Whether the tree is where libfdt reads one: at a multiple of 8.
    private let isAligned: Bool

    /// - Parameters:
    ///   - address: where the tree is, if that is known.
    ///   - abi: what the kernel's libfdt wants of a header; `nil` for a tree whose header it does not check.
    init(_ bytes: [UInt8], at address: PhysicalAddress?, _ abi: Generation.RootTree? = nil) {
        headerVerdict = Header.verdict(
            on: bytes.span.bytes, at: address?.rawValue, HeaderRules(alignsBlocks: abi?.alignsBlocks ?? false))
        isAligned = address?.rawValue.isMultiple(of: 8) ?? true
        tree = PartialTree(bytes)
    }

    /// The root, unless libfdt finds none.
    var root: Node? { isAligned ? tree.root.map { Node(tree: tree, node: $0) } : nil }

    /// Why there is no ``root``, for messages.
    var absence: String { isAligned ? "no FDT" : "an FDT at an address that is no multiple of 8" }

    /// A node of the tree.
    struct Node: Sendable {
        fileprivate let tree: PartialTree
        fileprivate let node: PartialTree.Node

        var name: String { node.name }

        var children: [Node] { tree.children(of: node).map { Node(tree: tree, node: $0) } }

        /// The child of this name; one with a unit address behind it is taken, too. C: `fdt_subnode_offset`.
        func child(_ name: String) -> Node? {
            children.first { $0.name == name || $0.name.hasPrefix(name + "@") }
        }

        /// The bytes of a property. C: `fdt_getprop`.
        func property(_ name: String) -> [UInt8]? {
            node.properties.first { $0.isNamed(name) && $0.isWhole }?.bytes
        }

        /// A property of a native, and so little-endian, u64; `nil` where it is missing or of another size.
        func number(_ name: String) -> UInt64? {
            guard let bytes = property(name), bytes.count == 8 else { return nil }
            return UInt64(littleEndian: bytes.span.bytes.unsafeLoadUnaligned(as: UInt64.self))
        }

        /// The place of a property's value, or of the node if that lacks it.
        ///
        /// - Parameter address: where the tree lies in memory.
        func place(_ structure: String, _ name: String? = nil, treeAt address: PhysicalAddress?) -> Place {
            let property = name.flatMap { name in node.properties.first { $0.isNamed(name) } }
            let offset = property?.valueOffset ?? node.offset
            return Place(structure, field: name, at: address.flatMap { $0.advanced(by: UInt64(offset)) })
        }

        /// Whether the string is anywhere in the list. C: `fdt_node_check_compatible`.
        func isCompatible(with string: String) -> Bool {
            guard let list = property("compatible") else { return false }
            return list.split(separator: 0, omittingEmptySubsequences: false).dropLast().contains {
                $0.elementsEqual(string.utf8)
            }
        }

        /// The `compatible` property, for messages.
        var compatibleText: String {
            property("compatible").map { KernelString(compatibleBytes: $0).quoted } ?? "no such property"
        }

        /// A property that should be a u64, for messages.
        func sizeText(_ name: String) -> String {
            property(name).map { "\($0.count) bytes" } ?? "no such property"
        }
    }
}
