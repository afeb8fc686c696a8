import KernelABI

/// Text of bytes that come out of a handover, and so may be anything: made safe to show on a terminal.
enum Legible {
    /// The string in quotes, with everything escaped that is not a plain visible character.
    static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\":
                result.unicodeScalars.append("\\")
                result.unicodeScalars.append(scalar)
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case "\r": result += "\\r"
            default:
                if isVisible(scalar) {
                    result.unicodeScalars.append(scalar)
                } else {
                    result += "\\u{\(String(scalar.value, radix: 16))}"
                }
            }
        }
        return result + "\""
    }

    static func quoted(_ bytes: some Collection<UInt8>) -> String {
        quoted(String(decoding: bytes, as: UTF8.self))
    }

    /// A line of text in which all that is not visible is escaped.
    static func line(_ text: String) -> String {
        text.unicodeScalars.reduce(into: "") { line, scalar in
            line += isVisible(scalar) ? String(scalar) : "\\u{\(String(scalar.value, radix: 16))}"
        }
    }

    /// The string as it is where nobody can mistake it, else in quotes.
    static func name(_ text: String) -> String {
        let isPlain = !text.isEmpty && text.unicodeScalars.allSatisfy {
            isVisible($0) && $0 != " " && $0 != "\"" && $0 != "\\"
        }
        return isPlain ? text : quoted(text)
    }

    /// Names, one after the other.
    static func names(_ texts: [String]) -> String {
        // `joined` finds out as it runs what it joins, which takes a tenth of what a small dump takes.
        var list = ""
        for text in texts { list += list.isEmpty ? name(text) : ", " + name(text) }
        return list
    }

    /// As ``name(_:)-(String)``; bytes that are not UTF-8 are repaired, and a missing NUL is said to be missing.
    static func name(_ string: KernelString) -> String {
        name(string.description) + (string.isTerminated ? "" : " (no NUL)")
    }

    /// Whether the scalar shows as itself: no control, no mark that changes the direction of text, no odd space.
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

    /// The number of columns that visible text takes on a terminal.
    static func width(_ text: String) -> Int {
        var width = 0
        for scalar in text.unicodeScalars {
            if scalar.isASCII {
                width += 1
                continue
            }
            switch scalar.properties.generalCategory {
            case .nonspacingMark, .enclosingMark: break
            default: width += isWide(scalar.value) ? 2 : 1
            }
        }
        return width
    }

    /// East Asian wide characters and emoji, in their main blocks.
    private static func isWide(_ value: UInt32) -> Bool {
        switch value {
        case 0x1100...0x115f, 0x2e80...0x303e, 0x3041...0xa4cf, 0xac00...0xd7a3, 0xf900...0xfaff, 0xfe30...0xfe6f,
            0xff00...0xff60, 0xffe0...0xffe6, 0x1f300...0x1f64f, 0x1f900...0x1f9ff, 0x20000...0x3fffd:
            true
        default: false
        }
    }
}
