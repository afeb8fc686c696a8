// Writes text byte by byte into space reserved for a whole line.
extension OutputSpan<UInt8> {
    /// Writes a literal, which compiles to its bytes.
    @inlinable @inline(__always)
    package mutating func write(_ text: StaticString) {
        text.withUTF8Buffer { bytes in
            for byte in bytes { append(byte) }
        }
    }

    /// Writes a number in lower-case hexadecimal digits, at least `width` of them.
    @inlinable
    package mutating func hex(_ value: UInt64, width: Int = 1) {
        let count = max((67 - value.leadingZeroBitCount) / 4, 1)
        if width > count { append(repeating: UInt8(ascii: "0"), count: width - count) }
        var rest = value << UInt64(64 - count * 4)
        for _ in 0..<count {
            let digit = UInt8(truncatingIfNeeded: rest >> 60)
            append(digit + (digit < 10 ? UInt8(ascii: "0") : UInt8(ascii: "a") - 10))
            rest <<= 4
        }
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
