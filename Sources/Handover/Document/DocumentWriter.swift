/// Writes a document as JSON text, piece by piece.
///
/// Foundation's encoder keeps the whole document in memory and does not keep the order of keys. Handovers with a
/// million files need streaming, and readers expect fields in the kernel's order.
public struct DocumentWriter {
    private var buffer: [UInt8] = []
    private var depth = 0
    /// The number of open objects and arrays that are written on one line.
    private var compactDepth = 0
    private var isFirst = true
    private let flushSize: Int
    private let flush: (borrowing [UInt8]) -> Void

    /// - Parameters:
    ///   - flushSize: The number of bytes to collect.
    ///   - flush: Called with the collected text whenever there is enough.
    public init(flushingEvery flushSize: Int = 1 << 16, _ flush: @escaping (borrowing [UInt8]) -> Void) {
        self.flushSize = flushSize
        self.flush = flush
        buffer.reserveCapacity(flushSize + 4096)
    }

    /// Writes a whole document and a line feed.
    public mutating func write(_ state: HandoverState) {
        HandoverState.form.write(state, to: &self)
        finish()
    }

    /// Ends a line between values.
    public mutating func endLine() {
        buffer.append(UInt8(ascii: "\n"))
    }

    /// Ends the document with a line feed, and flushes the rest.
    public mutating func finish() {
        endLine()
        flushRest()
    }

    /// Flushes the rest.
    public mutating func flushRest() {
        flush(buffer)
        buffer.removeAll(keepingCapacity: true)
    }

    // MARK: - Values

    public mutating func string(_ string: String) {
        self.string(utf8: Array(string.utf8))
    }

    /// Writes a string of these bytes, which must be UTF-8.
    mutating func string(utf8 bytes: [UInt8]) {
        let isPlain = bytes.count(where: Self.isEscaped) == 0
        // At worst, every byte becomes \u00XX.
        write(atMost: (isPlain ? 1 : 6) * bytes.count + 2) { text in
            text.append(UInt8(ascii: "\""))
            if isPlain { text.append(copying: bytes) } else { text.escape(bytes) }
            text.append(UInt8(ascii: "\""))
        }
    }

    private static func isEscaped(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == 0x7f || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    /// Writes a number such that no reader rounds it: as a string of digits if a double cannot represent it.
    public mutating func number(_ value: UInt64) {
        write(atMost: 22) { text in
            let isExact = value <= 1 << 53
            if !isExact { text.append(UInt8(ascii: "\"")) }
            text.decimal(value)
            if !isExact { text.append(UInt8(ascii: "\"")) }
        }
    }

    /// Writes a number that may be negative.
    public mutating func number(_ value: Int64) {
        if value < 0 { word("\(value)") } else { number(UInt64(value)) }
    }

    /// Writes `"0x…"`.
    public mutating func hex(_ value: UInt64) {
        write(atMost: 20) { text in
            text.write("\"0x")
            text.hex(value)
            text.append(UInt8(ascii: "\""))
        }
    }

    public mutating func boolean(_ value: Bool) {
        write(atMost: 5) { $0.write(value ? "true" : "false") }
    }

    /// Writes a number, or `null`, with the given text.
    mutating func word(_ text: String) {
        write(atMost: text.utf8.count) { out in for byte in text.utf8 { out.append(byte) } }
    }

    mutating func base64(_ bytes: [UInt8]) {
        buffer.append(UInt8(ascii: "\""))
        Base64.encode(bytes, into: &buffer)
        buffer.append(UInt8(ascii: "\""))
    }

    // MARK: - Objects and arrays

    public mutating func object(compact: Bool = false, _ body: (inout DocumentWriter) -> Void) {
        enclose("{", "}", compact: compact, body)
    }

    public mutating func array(compact: Bool = false, _ body: (inout DocumentWriter) -> Void) {
        enclose("[", "]", compact: compact, body)
    }

    /// The name of a member in its written form: `"token": `.
    struct Key: Sendable {
        fileprivate let text: [UInt8]

        init(_ name: String) {
            var writer = DocumentWriter { _ in }
            writer.string(name)
            text = writer.buffer + Array(": ".utf8)
        }
    }

    /// Writes the key of the next member; its value must follow.
    public mutating func key(_ key: String) {
        self.key(Key(key))
    }

    /// Writes the key of the next member; its value must follow.
    mutating func key(_ key: Key) {
        separate(and: key.text)
    }

    /// Begins the next element of an array; its value must follow.
    public mutating func element() {
        separate(and: [])
    }

    /// Writes an array of objects.
    public mutating func array<Element>(
        objects: some Sequence<Element>, compact: Bool = false, _ body: (inout DocumentWriter, Element) -> Void
    ) {
        array { writer in
            for object in objects {
                writer.element()
                writer.object(compact: compact) { body(&$0, object) }
            }
        }
    }

    // MARK: - Members

    /// Writes a member if it has a value.
    public mutating func member(_ key: String, _ value: String?) {
        guard let value else { return }
        self.key(key)
        string(value)
    }

    /// Writes a member if it has a value that is not negative.
    public mutating func member(_ key: String, _ value: (some BinaryInteger)?) {
        guard let value, let value = UInt64(exactly: value) else { return }
        self.key(key)
        number(value)
    }

    /// Writes a member as `"0x…"` if it has a value.
    public mutating func member(_ key: String, hex value: UInt64?) {
        guard let value else { return }
        self.key(key)
        hex(value)
    }

    public mutating func member(_ key: String, _ value: Bool) {
        self.key(key)
        boolean(value)
    }

    /// Writes a member that is an object.
    public mutating func member(_ key: String, compact: Bool = false, _ body: (inout DocumentWriter) -> Void) {
        self.key(key)
        object(compact: compact, body)
    }

    /// Writes a member that is an array of objects.
    public mutating func member<Element>(
        _ key: String, objects: some Sequence<Element>, compact: Bool = false,
        _ body: (inout DocumentWriter, Element) -> Void
    ) {
        self.key(key)
        array(objects: objects, compact: compact, body)
    }

    /// Writes a member that is an array of strings.
    public mutating func member(_ key: String, strings: some Sequence<String>, compact: Bool = false) {
        self.key(key)
        array(compact: compact) { writer in
            for string in strings {
                writer.element()
                writer.string(string)
            }
        }
    }

    private mutating func enclose(
        _ open: StaticString, _ close: StaticString, compact: Bool, _ body: (inout DocumentWriter) -> Void
    ) {
        write(atMost: 1) { $0.write(open) }
        let outer = isFirst
        isFirst = true
        if compact || compactDepth > 0 { compactDepth += 1 }
        depth += 1
        body(&self)
        depth -= 1
        let endsLine = compactDepth == 0 && !isFirst
        if compactDepth > 0 { compactDepth -= 1 }
        write(atMost: 2 * depth + 2) { [depth] text in
            if endsLine { text.newLine(depth) }
            text.write(close)
        }
        isFirst = outer
        if buffer.count >= flushSize {
            flush(buffer)
            buffer.removeAll(keepingCapacity: true)
        }
    }

    /// Writes the separator from the previous member or element, then the key.
    private mutating func separate(and key: [UInt8]) {
        write(atMost: 2 * depth + 2 + key.count) { [isFirst, depth, compactDepth] text in
            if !isFirst { text.append(UInt8(ascii: ",")) }
            if compactDepth == 0 {
                text.newLine(depth)
            } else if !isFirst {
                text.append(UInt8(ascii: " "))
            }
            text.append(copying: key)
        }
        isFirst = false
    }

    /// Calls `body` to write at most `count` bytes. Cheaper for many small pieces than writing each one.
    @inline(__always)
    private mutating func write(atMost count: Int, _ body: (inout OutputSpan<UInt8>) -> Void) {
        buffer.append(addingCapacity: count, initializingWith: body)
    }
}

extension OutputSpan<UInt8> {
    fileprivate mutating func newLine(_ depth: Int) {
        append(UInt8(ascii: "\n"))
        append(repeating: UInt8(ascii: " "), count: 2 * depth)
    }

    fileprivate mutating func escape(_ bytes: [UInt8]) {
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                append(UInt8(ascii: "\\"))
                append(byte)
            case 0x0a: write("\\n")
            case 0x0d: write("\\r")
            case 0x09: write("\\t")
            case 0..<0x20, 0x7f:
                write("\\u00")
                hex(byte)
            default: append(byte)
            }
        }
    }

    fileprivate mutating func decimal(_ value: UInt64) {
        var power: UInt64 = 1
        while value / power >= 10 { power *= 10 }
        var rest = value
        while power > 0 {
            append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest / power))
            rest %= power
            power /= 10
        }
    }
}
