/// The order of the bytes of a number in a property's value.
///
/// Device trees for firmware use big-endian cells; other writers may store native numbers.
public enum ByteOrder: Sendable, Hashable {
    case bigEndian
    case littleEndian
}

extension RawSpan {
    /// An unsigned number of the given width at a byte offset, or nil if it does not lie wholly within the span.
    func integer<T: FixedWidthInteger & UnsignedInteger>(
        _: T.Type, at offset: Int, _ order: ByteOrder
    ) -> T? {
        let size = T.bitWidth / 8
        guard offset >= 0, byteCount >= size, offset <= byteCount - size else { return nil }
        var value: T = 0
        for index in 0..<size {
            let byte = T(truncatingIfNeeded: self.byte(at: offset + index))
            switch order {
            case .bigEndian: value = value << 8 | byte
            case .littleEndian: value |= byte << T(truncatingIfNeeded: index * 8)
            }
        }
        return value
    }

    func bigEndianUInt32(at offset: Int) -> UInt32? { integer(UInt32.self, at: offset, .bigEndian) }

    /// The byte at an offset within the span.
    func byte(at offset: Int) -> UInt8 { unsafeLoad(fromByteOffset: offset, as: UInt8.self) }

    /// A copy of the bytes.
    var array: [UInt8] { withUnsafeBytes { Array($0) } }
}

extension FixedWidthInteger where Self: UnsignedInteger {
    /// The bytes of the number, in an order.
    func bytes(_ order: ByteOrder) -> [UInt8] {
        let size = Self.bitWidth / 8
        return (0..<size).map { index in
            let shift = order == .bigEndian ? (size - 1 - index) * 8 : index * 8
            return UInt8(truncatingIfNeeded: self >> Self(truncatingIfNeeded: shift))
        }
    }
}
