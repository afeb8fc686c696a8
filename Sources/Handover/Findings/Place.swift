import KernelABI

/// A structure in memory, or one of its fields: the subject of a finding.
///
/// Named as in `dump --format hex`, with the same address: structure, path of the field, and the address of the field's
/// first byte (for a bit field, of its word).
public struct Place: Hashable, Sendable {
    /// The kernel structure, or the FDT and the path of its node.
    public var structure: String
    /// The field, including the enclosing members: `file_set_ser.count`; or the property.
    public var field: String?
    /// The address of the field, or of the structure if there is no field; `nil` if unknown.
    public var address: PhysicalAddress?

    public init(_ structure: String, field: String? = nil, at address: PhysicalAddress? = nil) {
        self.structure = structure
        self.field = field
        self.address = address
    }

    public init(_ structure: StructureDescription, at address: PhysicalAddress? = nil) {
        self.init(structure.name, at: address)
    }

    /// The data passed to the kernel at boot.
    static let bootData = "boot data"

    /// The name of the root FDT; its nodes add their paths to it.
    static let rootName = "root FDT"

    /// Whether this is the root FDT or a node in it.
    var isInRoot: Bool { structure == Self.rootName || structure.hasPrefix(Self.rootName + "/") }

    /// Whether this is a structure or a field of it. The structure is `nil` if the generation does not have it.
    func isIn(_ other: StructureDescription?) -> Bool { structure == other?.name }

    /// A field of this structure, or a member of this field.
    public func field(_ member: some StructureMember) -> Place {
        Place(
            structure, field: (field.map { "\($0)." } ?? "") + member.name,
            at: address.flatMap { $0.advanced(by: UInt64(member.offset)) })
    }
}

extension Place: CustomStringConvertible {
    /// For example `luo_session_header_ser.count at 0xf80000`.
    public var description: String { name + (address.map { " at \($0)" } ?? "") }

    /// The place without its address.
    public var name: String { structure + (field.map { ".\($0)" } ?? "") }
}
