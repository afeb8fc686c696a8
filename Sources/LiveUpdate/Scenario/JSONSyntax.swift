/// Checks JSON text for what Foundation's decoder does not report: the position of syntax errors, and duplicate keys in
/// an object.
public struct JSONSyntax {
    /// What is wrong, and where; lines and columns are counted from 1, and columns are in bytes.
    public struct Problem: Error, CustomStringConvertible {
        public let line: Int
        public let column: Int
        public let text: String

        public var description: String { "line \(line), column \(column): \(text)" }
    }

    /// Deeper than any scenario, and not too deep for the stack.
    private static let depthLimit = 64

    private let text: [UInt8]
    private var position = 0

    /// - Throws: ``Problem``, the first one.
    public static func check(_ text: [UInt8]) throws(Problem) {
        var syntax = JSONSyntax(text: text)
        try syntax.value(depth: 0)
        syntax.skipSpace()
        if syntax.position < text.count { throw syntax.problem("expected the end") }
    }

    private func problem(_ text: String, at place: Int? = nil) -> Problem {
        let before = self.text.prefix(place ?? position)
        let lineStart = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        return Problem(
            line: before.count { $0 == UInt8(ascii: "\n") } + 1, column: before.count - lineStart + 1, text: text)
    }

    private mutating func skipSpace() {
        while position < text.count, [0x20, 0x09, 0x0a, 0x0d].contains(text[position]) { position += 1 }
    }

    private var next: UInt8? { position < text.count ? text[position] : nil }

    /// Passes `byte`, and says whether it was there.
    private mutating func skip(_ byte: Unicode.Scalar) -> Bool {
        skipSpace()
        guard next == UInt8(ascii: byte) else { return false }
        position += 1
        return true
    }

    private mutating func value(depth: Int) throws(Problem) {
        guard depth < Self.depthLimit else { throw problem("too deep") }
        skipSpace()
        switch next {
        case UInt8(ascii: "{"):
            position += 1
            var keys: Set<[UInt8]> = []
            try items(until: "}") { syntax throws(Problem) in
                let place = syntax.position
                guard syntax.next == UInt8(ascii: "\"") else { throw syntax.problem("expected a key") }
                let key = try syntax.string()
                guard keys.insert(key).inserted else {
                    throw syntax.problem("duplicate key \"\(String(decoding: key, as: UTF8.self))\"", at: place)
                }
                guard syntax.skip(":") else { throw syntax.problem("expected a colon") }
                try syntax.value(depth: depth + 1)
            }
        case UInt8(ascii: "["):
            position += 1
            try items(until: "]") { syntax throws(Problem) in try syntax.value(depth: depth + 1) }
        case UInt8(ascii: "\""): _ = try string()
        case let byte?:
            let isWordByte = { (byte: UInt8) in
                (0x30...0x39).contains(byte) || (0x61...0x7a).contains(byte) || [0x2b, 0x2d, 0x2e, 0x45].contains(byte)
            }
            guard isWordByte(byte) else { throw problem("expected a value") }
            while let byte = next, isWordByte(byte) { position += 1 }
        case nil: throw problem("expected a value, found the end")
        }
    }

    private mutating func items(
        until end: Unicode.Scalar, _ item: (inout JSONSyntax) throws(Problem) -> Void
    ) throws(Problem) {
        if skip(end) { return }
        repeat {
            skipSpace()
            try item(&self)
        } while skip(",")
        guard skip(end) else { throw problem("expected a comma or \(end)") }
    }

    private mutating func string() throws(Problem) -> [UInt8] {
        let start = position
        position += 1
        while let byte = next, byte != UInt8(ascii: "\"") {
            guard byte >= 0x20 else { break }
            position += byte == UInt8(ascii: "\\") ? 2 : 1
        }
        guard next == UInt8(ascii: "\"") else { throw problem("this string has no end", at: start) }
        position += 1
        return Array(text[start + 1..<position - 1])
    }
}
