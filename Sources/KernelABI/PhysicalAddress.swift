/// A physical memory address, in bytes.
///
/// Mirrors the kernel's `phys_addr_t` as it appears in handover structures: 64 bits, little-endian.
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

    /// The address `bytes` further on; `nil` if that exceeds the address space.
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
