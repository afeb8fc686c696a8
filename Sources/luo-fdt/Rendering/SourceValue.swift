/// How a property's value is written in device tree source.
enum SourceValue {
    case empty
    /// Strings, each with its NUL, none of them empty.
    case strings
    /// Big-endian 32-bit numbers.
    case cells
    case bytes

    init(_ value: RawSpan) {
        if value.byteCount == 0 {
            self = .empty
        } else if Self.isStrings(value) {
            self = .strings
        } else {
            self = value.byteCount.isMultiple(of: 4) ? .cells : .bytes
        }
    }

    private static func isStrings(_ value: RawSpan) -> Bool {
        var last: UInt8 = 0
        for index in 0..<value.byteCount {
            let byte = value.byte(index)
            guard byte == 0 ? last != 0 : byte >= 0x20 && byte < 0x7f else { return false }
            last = byte
        }
        return last == 0
    }

    /// The value as a little-endian u64, where it is 8 bytes that are not a string.
    func number(_ value: RawSpan) -> UInt64? {
        guard case .cells = self, value.byteCount == 8 else { return nil }
        return UInt64(littleEndian: value.unsafeLoadUnaligned(fromByteOffset: 0, as: UInt64.self))
    }

    static func cell(_ value: RawSpan, _ index: Int) -> UInt32 {
        UInt32(bigEndian: value.unsafeLoadUnaligned(fromByteOffset: index * 4, as: UInt32.self))
    }

    /// Writes `0x00000001 0x00000002`.
    static func writeCells(_ value: RawSpan, _ text: inout OutputSpan<UInt8>) {
        for index in 0..<value.byteCount / 4 {
            if index > 0 { text.write(" ") }
            text.write("0x")
            text.hex(cell(value, index))
        }
    }

    /// Writes ` = "a", "b"`.
    static func writeStrings(_ value: RawSpan, _ sink: inout TextSink) {
        // A byte takes two at most, and the NUL of a string, which has another byte at least, four.
        sink.write(atMost: value.byteCount * 3 + 4) { text in
            text.write(" = \"")
            for index in 0..<value.byteCount {
                let byte = value.byte(index)
                if byte == 0 {
                    text.write("\"")
                    if index + 1 < value.byteCount { text.write(", \"") }
                } else {
                    if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { text.write("\\") }
                    text.append(byte)
                }
            }
        }
    }

    /// Writes ` = [00 01 02]`.
    static func writeBytes(_ value: RawSpan, _ sink: inout TextSink) {
        sink.write(atMost: value.byteCount * 3 + 5) { text in
            text.write(" = [")
            for index in 0..<value.byteCount {
                if index > 0 { text.write(" ") }
                text.hex(UInt64(value.byte(index)), width: 2)
            }
            text.write("]")
        }
    }

    /// What `dtc` takes in names of nodes and properties: letters, digits, and `#*+,-.?@_`.
    static func isNameCharacter(_ byte: UInt8) -> Bool {
        // A bit for each: names are half of all text, and their characters follow no pattern to branch by.
        let bits: UInt64 = byte < 64 ? 0x83ff_7c08_0000_0000 : 0x07ff_fffe_87ff_ffff
        return byte < 128 && bits >> UInt64(byte & 63) & 1 == 1
    }
}

extension RawSpan {
    /// The byte at an offset. Traps where that is out of bounds, as a subscript does.
    func byte(_ offset: Int) -> UInt8 { unsafeLoad(fromByteOffset: offset, as: UInt8.self) }

    /// A copy of the bytes.
    var array: [UInt8] { withUnsafeBytes { Array($0) } }
}
