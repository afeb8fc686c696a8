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
    static func number(_ value: RawSpan) -> UInt64? {
        guard value.byteCount == 8, case .cells = SourceValue(value) else { return nil }
        return UInt64(littleEndian: value.unsafeLoadUnaligned(fromByteOffset: 0, as: UInt64.self))
    }

    static func cell(_ value: RawSpan, _ index: Int) -> UInt64 {
        UInt64(UInt32(bigEndian: value.unsafeLoadUnaligned(fromByteOffset: index * 4, as: UInt32.self)))
    }

    /// Writes `"a", "b"`.
    static func writeStrings(_ value: RawSpan, _ sink: inout TextSink) {
        sink.write(UInt8(ascii: "\""))
        for index in 0..<value.byteCount {
            switch value.byte(index) {
            case 0:
                sink.write(UInt8(ascii: "\""))
                if index + 1 < value.byteCount { sink.write(", \"") }
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                sink.write(UInt8(ascii: "\\"))
                sink.write(value.byte(index))
            default: sink.write(value.byte(index))
            }
        }
    }

    /// Writes `[00 01 02]`.
    static func writeBytes(_ value: RawSpan, _ sink: inout TextSink) {
        sink.write("[")
        for index in 0..<value.byteCount {
            if index > 0 { sink.write(UInt8(ascii: " ")) }
            sink.hex(UInt64(value.byte(index)), width: 2)
        }
        sink.write("]")
    }

    /// What `dtc` takes in names of nodes and properties.
    static func isNameCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: ","), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "+"), UInt8(ascii: "*"), UInt8(ascii: "#"), UInt8(ascii: "?"), UInt8(ascii: "@"),
            UInt8(ascii: "-"):
            true
        default: false
        }
    }
}

extension RawSpan {
    /// The byte at an offset. Traps where that is out of bounds, as a subscript does.
    func byte(_ offset: Int) -> UInt8 { unsafeLoad(fromByteOffset: offset, as: UInt8.self) }

    /// A copy of the bytes.
    var array: [UInt8] { withUnsafeBytes { Array($0) } }
}
