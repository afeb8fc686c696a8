import KernelABI

/// Something in a handover that could not be read, or is not what it should be.
public struct Finding: Error, Hashable, Sendable {
    public var severity: Severity
    /// The kernel's structure, or the FDT's node.
    public var structure: String
    /// The field or property, where it is one.
    public var field: String?
    /// Where the structure begins, or the byte in question is.
    public var address: PhysicalAddress?
    public var found: String
    public var expected: String

    /// How bad it is.
    public enum Severity: String, Hashable, Sendable {
        /// Pointed to, but not at hand: there is no memory beside the blob.
        case notAvailable
        /// The handover is broken, or cut off, here.
        case damage
    }

    public init(
        _ severity: Severity = .damage, structure: String, field: String? = nil, address: PhysicalAddress? = nil,
        found: String, expected: String
    ) {
        self.severity = severity
        self.structure = structure
        self.field = field
        self.address = address
        self.found = found
        self.expected = expected
    }
}

extension Finding: CustomStringConvertible {
    /// For example `luo_session_header_ser.count at 0xf80000: found 900, expected at most 819`.
    public var description: String {
        structure + (field.map { ".\($0)" } ?? "") + (address.map { " at \($0)" } ?? "")
            + ": found \(found), expected \(expected)"
    }
}
