/// The form of a property value in device tree source.
enum SourceValue {
    case empty
    /// NUL-terminated strings, none of them empty.
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
        value.withUnsafeBytes { bytes in
            var last: UInt8 = 0
            for byte in bytes {
                guard byte == 0 ? last != 0 : byte >= 0x20 && byte < 0x7f else { return false }
                last = byte
            }
            return last == 0
        }
    }

    /// Whether the root node's `compatible` value identifies the tree as KHO's, LUO's or one of their subtrees, whose
    /// numbers are native.
    static func namesKernelABI(_ value: RawSpan) -> Bool {
        kernelABIs.contains { prefix in
            value.byteCount > prefix.count
                && value.extracting(first: prefix.count).withUnsafeBytes { $0.elementsEqual(prefix) }
        }
    }

    /// Prefixes of `compatible` in such trees.
    private static let kernelABIs = ["kho-", "luo-v", "memblock-v"].map { Array($0.utf8) }

    /// The value as a little-endian u64, if it is 8 bytes and not a string.
    func number(_ value: RawSpan) -> UInt64? {
        guard case .cells = self, value.byteCount == 8 else { return nil }
        return UInt64(littleEndian: value.unsafeLoadUnaligned(fromByteOffset: 0, as: UInt64.self))
    }

    static func cell(_ value: RawSpan, _ index: Int) -> UInt32 {
        UInt32(bigEndian: value.unsafeLoadUnaligned(fromByteOffset: index * 4, as: UInt32.self))
    }

    /// The maximum number of bytes that ``write(_:_:)`` writes.
    func mostText(_ value: RawSpan) -> Int {
        switch self {
        case .empty: 0
        // Each byte takes at most two, and the NUL of a string, which has at least one other byte, four.
        case .strings: value.byteCount * 3 + 4
        case .cells: value.byteCount / 4 * 11 + 5
        case .bytes: value.byteCount * 3 + 5
        }
    }

    /// Writes a value in this form: ` = "a", "b"`, ` = <0x00000001 0x00000002>`, ` = [00 01 02]`.
    @inline(__always)
    func write(_ value: RawSpan, _ text: inout OutputSpan<UInt8>) {
        switch self {
        case .empty: break
        case .strings: Self.writeStrings(value, &text)
        case .cells:
            text.write(" = <")
            Self.writeCells(value, &text)
            text.write(">")
        case .bytes: Self.writeBytes(value, &text)
        }
    }

    static func writeCells(_ value: RawSpan, _ text: inout OutputSpan<UInt8>) {
        for index in 0..<value.byteCount / 4 {
            if index > 0 { text.write(" ") }
            text.write("0x")
            text.hex(cell(value, index))
        }
    }

    private static func writeStrings(_ value: RawSpan, _ text: inout OutputSpan<UInt8>) {
        text.write(" = \"")
        value.extracting(droppingLast: 1).withUnsafeBytes { bytes in
            for byte in bytes {
                switch byte {
                case 0: text.write("\", \"")
                case UInt8(ascii: "\""): text.write("\\\"")
                case UInt8(ascii: "\\"): text.write("\\\\")
                default: text.append(byte)
                }
            }
        }
        text.write("\"")
    }

    private static func writeBytes(_ value: RawSpan, _ text: inout OutputSpan<UInt8>) {
        text.write(" = [")
        for index in 0..<value.byteCount {
            if index > 0 { text.write(" ") }
            text.hex(value.byte(index))
        }
        text.write("]")
    }

    /// Whether NUL-terminated strings are names that `dtc` accepts, or empty.
    static func areNames(_ strings: RawSpan) -> Bool {
        strings.withUnsafeBytes { $0.allSatisfy { $0 == 0 || isNameCharacter($0) } }
    }

    /// Whether `dtc` accepts the bytes as the name of a node or property.
    static func isName(_ name: RawSpan) -> Bool {
        name.byteCount > 0 && name.withUnsafeBytes { $0.allSatisfy(isNameCharacter) }
    }

    /// The characters that `dtc` accepts in node and property names: letters, digits, and `#*+,-.?@_`.
    static func isNameCharacter(_ byte: UInt8) -> Bool {
        // One bit per character: names are half of all text, and their characters are too irregular for branch
        // prediction.
        let bits: UInt64 = byte < 64 ? 0x83ff_7c08_0000_0000 : 0x07ff_fffe_87ff_ffff
        return byte < 128 && bits >> UInt64(byte & 63) & 1 == 1
    }
}

extension RawSpan {
    /// The byte at an offset. Traps if it is out of bounds, as a subscript does.
    func byte(_ offset: Int) -> UInt8 { unsafeLoad(fromByteOffset: offset, as: UInt8.self) }

    /// A copy of the bytes.
    var array: [UInt8] { withUnsafeBytes { Array($0) } }
}
