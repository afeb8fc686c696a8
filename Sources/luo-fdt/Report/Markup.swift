import KernelABI

/// HTML or XML markup: literals are used as they are, and interpolated values become text, which cannot contain tags.
///
///     let row: Markup = "<td>\(session.name)</td>"
struct Markup: ExpressibleByStringInterpolation, Sendable {
    private(set) var html: String

    init(stringLiteral html: StaticString) {
        self.html = html.description
    }

    init(stringInterpolation parts: StringInterpolation) {
        html = parts.html
    }

    init(_ parts: some Sequence<Markup>) {
        html = ""
        for part in parts { html += part.html }
    }

    static func += (left: inout Markup, right: Markup) { left.html += right.html }

    struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var html = ""

        init(literalCapacity: Int, interpolationCount: Int) {
            html.reserveCapacity(literalCapacity + interpolationCount * 16)
        }

        mutating func appendLiteral(_ literal: StaticString) { html += literal.description }
        mutating func appendInterpolation(_ markup: Markup) { html += markup.html }
        mutating func appendInterpolation(_ number: Int) { html += String(number) }
        mutating func appendInterpolation(_ address: PhysicalAddress) { html += address.description }

        /// Escapes scalars, as browsers do: as a character, `"` followed by a combining accent would not match.
        mutating func appendInterpolation(_ text: String) {
            for scalar in text.unicodeScalars {
                switch scalar {
                case "<": html += "&lt;"
                case ">": html += "&gt;"
                case "&": html += "&amp;"
                case "\"": html += "&quot;"
                case "'": html += "&#39;"
                // XML does not allow other control characters.
                case _ where scalar.value < 0x20 && scalar != "\t" && scalar != "\n": html += "\u{fffd}"
                default: html.unicodeScalars.append(scalar)
                }
            }
        }
    }
}
