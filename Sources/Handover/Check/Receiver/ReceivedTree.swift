import FDT
import KernelABI

/// An FDT as a kernel sees one that it was handed: its header is checked, and then whatever can be found is taken.
struct ReceivedTree: Sendable {
    /// Why `fdt_check_header` refuses the tree; `nil` if it does not.
    let refusal: String?
    private let tree: PartialTree

    init(_ bytes: [UInt8]) {
        tree = PartialTree(bytes)
        refusal = Header.verdict(on: bytes.span.bytes)?.text ?? tree.header.flatMap(Self.misalignment(of:))
    }

    /// What the kernel's libfdt refuses besides what older ones do.
    private static func misalignment(of header: Header) -> String? {
        if header.memoryReservationOffset % 8 != 0 {
            return "off_mem_rsvmap 0x\(String(header.memoryReservationOffset, radix: 16)), no multiple of 8"
        }
        if header.structureOffset % 4 != 0 {
            return "off_dt_struct 0x\(String(header.structureOffset, radix: 16)), no multiple of 4"
        }
        return nil
    }

    var root: Node? { tree.root.map { Node(tree: tree, node: $0) } }

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
            node.properties.first { $0.name == name && $0.isWhole }?.bytes
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
            let start = Int(tree.header?.structureOffset ?? 0)
            let property = name.flatMap { name in node.properties.first { $0.name == name } }
            let offset = start + (property.map { $0.structureOffset + 12 } ?? node.structureOffset)
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
