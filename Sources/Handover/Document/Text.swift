// Writes text byte by byte into space reserved for a whole line.
extension OutputSpan<UInt8> {
    /// Writes a literal, which compiles to its bytes.
    @inlinable @inline(__always)
    package mutating func write(_ text: StaticString) {
        text.withUTF8Buffer { bytes in
            for byte in bytes { append(byte) }
        }
    }

    /// Writes a copy of the bytes.
    @inlinable
    package mutating func append(copying bytes: [UInt8]) {
        withUnsafeMutableBufferPointer { room, count in
            count = room[count...].initialize(fromContentsOf: bytes)
        }
    }

    /// Writes a number in lower-case hexadecimal digits, at least `width` of them, into room for at least 16.
    @inlinable
    package mutating func hex(_ value: UInt64, width: Int = 1) {
        let count = max((67 - value.leadingZeroBitCount) / 4, width)
        let digits = value << UInt64(64 - count * 4)
        append(UInt32(truncatingIfNeeded: digits >> 32).hexDigits)
        append(UInt32(truncatingIfNeeded: digits).hexDigits)
        removeLast(16 - count)
    }

    /// Writes a number in all of its eight hexadecimal digits.
    @inlinable
    package mutating func hex(_ value: UInt32) {
        append(value.hexDigits)
    }

    /// Writes a number in its two hexadecimal digits.
    @inlinable
    package mutating func hex(_ value: UInt8) {
        let digits = UInt32(value).hexDigits
        append(UInt8(truncatingIfNeeded: digits >> 8))
        append(UInt8(truncatingIfNeeded: digits))
    }

    /// Writes the bytes of a word, most significant first.
    @inlinable @inline(__always)
    mutating func append(_ word: UInt64) {
        let end = count
        append(repeating: 0, count: 8)
        var written = mutableSpan
        var bytes = written.mutableBytes
        bytes.storeBytes(of: word.bigEndian, toByteOffset: end, as: UInt64.self)
    }
}

extension UInt32 {
    /// The eight hexadecimal digits of the number as ASCII, the first in the most significant byte.
    @inlinable @inline(__always)
    var hexDigits: UInt64 {
        // Spreads the digits over separate bytes: separates first halves, then bytes, then digits.
        var digits = UInt64(self)
        digits = (digits << 16 | digits) & 0x0000_ffff_0000_ffff
        digits = (digits << 8 | digits) & 0x00ff_00ff_00ff_00ff
        digits = (digits << 4 | digits) & 0x0f0f_0f0f_0f0f_0f0f
        // With 6 added, a digit over 9 has bit 4 set: it is a letter; letters begin 39 after the decimal digits.
        let letters = (digits + 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101
        return digits + 0x3030_3030_3030_3030 + letters * 39
    }
}

extension BinaryInteger {
    /// The number in hexadecimal: `0x1f`.
    @inlinable
    package var prefixedHex: String { "0x" + String(self, radix: 16) }
}

extension String {
    /// The string with spaces after it.
    package func padded(to width: Int) -> String {
        self + String(repeating: " ", count: Swift.max(0, width - count))
    }

    /// The string with spaces before it.
    package func paddedLeft(to width: Int) -> String {
        String(repeating: " ", count: Swift.max(0, width - count)) + self
    }
}
