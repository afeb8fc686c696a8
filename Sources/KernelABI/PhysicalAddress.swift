/// An address in the machine's physical memory, in bytes.
///
/// Mirrors the kernel's `phys_addr_t`, as the handover's structures carry it: 64 bits, little-endian.
public struct PhysicalAddress: RawRepresentable, Hashable, Comparable, Sendable {
    public var rawValue: UInt64

    @inlinable
    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    @inlinable
    public init(_ rawValue: UInt64) {
        self.rawValue = rawValue
    }

    @inlinable
    public static func < (left: Self, right: Self) -> Bool {
        left.rawValue < right.rawValue
    }

    /// The address `bytes` further on, or `nil` if that would wrap around the end of the address space.
    @inlinable
    public func advanced(by bytes: UInt64) -> PhysicalAddress? {
        let (sum, overflow) = rawValue.addingReportingOverflow(bytes)
        return overflow ? nil : PhysicalAddress(sum)
    }
}

extension PhysicalAddress: CustomStringConvertible {
    /// The address as `0x…`, in lower-case digits without padding.
    public var description: String {
        "0x" + String(rawValue, radix: 16)
    }
}
