/// Text from an image, which may be anything. It is shown in a notation that can neither control a terminal nor end a
/// line.
///
/// Anything but a plain visible character is escaped as in Swift: `\n`, `\t`, `\r`, `\"`, `\\`, `\u{1b}`; a byte that
/// is not UTF-8 becomes `\x` and two digits. This is the only way to convert such text to a `String`.
public struct ImageText: Hashable, Sendable, CustomStringConvertible {
    private let bytes: [UInt8]

    public init(_ bytes: some Sequence<UInt8>) {
        self.bytes = Array(bytes)
    }

    public init(_ text: String) {
        self.init(text.utf8)
    }

    /// The text in quotes.
    public var description: String { quoted }

    /// The text in quotes, for use in sentences.
    public var quoted: String { "\"" + escaped + "\"" }

    /// The text as it is if unambiguous, else in quotes; for columns.
    public var bare: String {
        // Every escape contains a backslash, and a literal backslash is escaped.
        let escaped = escaped
        return escaped.isEmpty || escaped.utf8.contains { [UInt8(ascii: " "), UInt8(ascii: "\\")].contains($0) }
            ? "\"\(escaped)\"" : escaped
    }

    private var escaped: String {
        if bytes.allSatisfy(Self.isPlain) { return String(decoding: bytes, as: UTF8.self) }
        var result = ""
        var rest = bytes[...]
        var decoder = UTF8()
        decoding: while true {
            var iterator = rest.makeIterator()
            decoder = UTF8()
            switch decoder.decode(&iterator) {
            case .emptyInput: break decoding
            case .error:
                result += "\\x" + (rest[rest.startIndex] < 16 ? "0" : "") + String(rest[rest.startIndex], radix: 16)
                rest = rest.dropFirst()
            case .scalarValue(let scalar):
                result += Self.escaped(scalar)
                rest = rest.dropFirst(UTF8.width(scalar))
            }
        }
        return result
    }

    private static func escaped(_ scalar: Unicode.Scalar) -> String {
        switch scalar {
        case "\"", "\\": "\\\(scalar)"
        case "\n": "\\n"
        case "\t": "\\t"
        case "\r": "\\r"
        default: isVisible(scalar) ? String(scalar) : "\\u{\(String(scalar.value, radix: 16))}"
        }
    }

    /// Whether the byte is shown unescaped in a quoted string.
    private static func isPlain(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte < 0x7f && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }

    /// Whether the scalar is shown unescaped: not a control, not a bidirectional mark, not an unusual space.
    private static func isVisible(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return scalar.value >= 0x20 && scalar.value < 0x7f }
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator,
            .spaceSeparator:
            return false
        default:
            return true
        }
    }

    /// Makes any message safe to print on a terminal: escapes what is not visible.
    ///
    /// The last step before output, wherever a message comes from. Leaves quotes and backslashes alone.
    ///
    /// - Parameters:
    ///   - message: A message whose Unicode text is kept.
    ///   - inLine: Whether to escape line feeds, too.
    public static func visible(_ message: String, inLine: Bool = false) -> String {
        if message.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7f || $0 == 0x0a && !inLine }) { return message }
        var result = ""
        for scalar in message.unicodeScalars {
            if scalar == "\n" && !inLine || isVisible(scalar) || scalar == " " {
                result.unicodeScalars.append(scalar)
            } else {
                result += escaped(scalar)
            }
        }
        return result
    }
}
