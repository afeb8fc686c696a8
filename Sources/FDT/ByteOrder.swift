/// The order of the bytes of a number in a property's value.
///
/// Device trees for firmware use big-endian cells; other writers may store native numbers.
public enum ByteOrder: Sendable, Hashable {
    case bigEndian
    case littleEndian
}

extension RawSpan {
    /// An unsigned number at a byte offset, or nil if it does not lie wholly within the span.
    func integer<T: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
        _: T.Type, at offset: Int, _ order: ByteOrder
    ) -> T? {
        guard offset >= 0, byteCount >= MemoryLayout<T>.size, offset <= byteCount - MemoryLayout<T>.size else {
            return nil
        }
        let value = unsafeLoadUnaligned(fromByteOffset: offset, as: T.self)
        return order == .bigEndian ? T(bigEndian: value) : T(littleEndian: value)
    }

    /// The big-endian word at an offset. Traps where that is out of bounds, as a subscript does.
    func word(at offset: Int) -> UInt32 {
        UInt32(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    /// Whether the bytes begin with the magic number of a tree.
    var beginsTree: Bool { bigEndianUInt32(at: 0) == Header.magic }

    func bigEndianUInt32(at offset: Int) -> UInt32? { integer(UInt32.self, at: offset, .bigEndian) }

    /// The offset of the first NUL at or behind `start` and before `end`, or nil.
    func firstNUL(from start: Int, to end: Int) -> Int? {
        var offset = start
        // Names are short and many: eight bytes at a time. Only bytes that are zero, and maybe some behind the first
        // of these, have their highest bit set in `zeros`.
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

    /// Whether a string of these bytes, with its NUL, is at an offset.
    func holds(_ string: RawSpan, at offset: Int) -> Bool {
        guard offset <= byteCount - string.byteCount - 1, byte(at: offset + string.byteCount) == 0 else { return false }
        for index in 0..<string.byteCount where byte(at: offset + index) != string.byte(at: index) { return false }
        return true
    }

    /// The bytes as UTF-8, repaired where they are not.
    var string: String { withUnsafeBytes { String(decoding: $0, as: UTF8.self) } }

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
