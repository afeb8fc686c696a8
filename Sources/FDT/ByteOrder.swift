/// The byte order of a number in a property value.
///
/// Firmware device trees use big-endian cells; other writers may store native numbers.
public enum ByteOrder: Sendable, Hashable {
    case bigEndian
    case littleEndian
}

extension RawSpan {
    /// Reads the unsigned number at a byte offset; nil unless it lies wholly within the span.
    func integer<T: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
        _: T.Type, at offset: Int, _ order: ByteOrder
    ) -> T? {
        guard offset >= 0, byteCount >= MemoryLayout<T>.size, offset <= byteCount - MemoryLayout<T>.size else {
            return nil
        }
        let value = unsafeLoadUnaligned(fromByteOffset: offset, as: T.self)
        return order == .bigEndian ? T(bigEndian: value) : T(littleEndian: value)
    }

    /// Reads the big-endian word at an offset. Traps if it is out of bounds, as a subscript does.
    func word(at offset: Int) -> UInt32 {
        UInt32(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    /// Whether the bytes begin with the FDT magic number.
    var beginsTree: Bool { bigEndianUInt32(at: 0) == Header.magic }

    func bigEndianUInt32(at offset: Int) -> UInt32? { integer(UInt32.self, at: offset, .bigEndian) }

    /// The offset of the first NUL in `start..<end`, or nil.
    func firstNUL(from start: Int, to end: Int) -> Int? {
        var offset = start
        // Names are short and many: scan eight bytes at a time. In `zeros`, only bytes that are zero have their highest
        // bit set, and possibly some after the first of these.
        while offset <= end - 8 {
            let word = UInt64(littleEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
            let zeros = (word &- 0x0101_0101_0101_0101) & ~word & 0x8080_8080_8080_8080
            if zeros != 0 { return offset + zeros.trailingZeroBitCount / 8 }
            offset += 8
        }
        while offset < end {
            if byte(at: offset) == 0 { return offset }
            offset += 1
        }
        return nil
    }

    /// The byte at an offset within the span.
    func byte(at offset: Int) -> UInt8 { unsafeLoad(fromByteOffset: offset, as: UInt8.self) }

    /// Whether the bytes at an offset are `string`, including its NUL.
    func holds(_ string: RawSpan, at offset: Int) -> Bool {
        guard offset <= byteCount - string.byteCount - 1, byte(at: offset + string.byteCount) == 0 else { return false }
        for index in 0..<string.byteCount where byte(at: offset + index) != string.byte(at: index) { return false }
        return true
    }

    /// The bytes as UTF-8; invalid sequences are replaced.
    var string: String { withUnsafeBytes { String(decoding: $0, as: UTF8.self) } }

    /// A copy of the bytes.
    var array: [UInt8] { withUnsafeBytes { Array($0) } }
}

extension FixedWidthInteger where Self: UnsignedInteger {
    /// The bytes of the number in a byte order.
    func bytes(_ order: ByteOrder) -> [UInt8] {
        let size = Self.bitWidth / 8
        return (0..<size).map { index in
            let shift = order == .bigEndian ? (size - 1 - index) * 8 : index * 8
            return UInt8(truncatingIfNeeded: self >> Self(truncatingIfNeeded: shift))
        }
    }
}
