import KernelABI

/// A structure in memory, or one field of it: what a finding is about.
///
/// Named as `dump --format hex` names it, and at the address that stands there: structure, path of the field, and the
/// address of the field's first byte; for a bit field, of its word.
public struct Place: Hashable, Sendable {
    /// The kernel's structure, or the FDT and the path of its node.
    public var structure: String
    /// The field, with the members that lead to it: `file_set_ser.count`; or the property.
    public var field: String?
    /// The address of the field, or of the structure if no field is named; `nil` if it is not known.
    public var address: PhysicalAddress?

    public init(_ structure: String, field: String? = nil, at address: PhysicalAddress? = nil) {
        self.structure = structure
        self.field = field
        self.address = address
    }

    public init(_ structure: StructureDescription, at address: PhysicalAddress? = nil) {
        self.init(structure.name, at: address)
    }

    /// What the kernel was told when it was booted.
    static let bootData = "boot data"

    /// The name of the root FDT; its nodes have their paths after it.
    static let rootName = "root FDT"

    /// Whether it is the root FDT or a node of it.
    var isInRoot: Bool { structure == Self.rootName || structure.hasPrefix(Self.rootName + "/") }

    /// Whether it is this structure, or a field of it; a generation need not have one.
    func isIn(_ other: StructureDescription?) -> Bool { structure == other?.name }

    /// A field of the structure, or a member of the field, that this place is.
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
