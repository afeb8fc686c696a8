/// Writes a document as JSON text, piece by piece.
///
/// Foundation's encoder keeps the whole document in memory and does not keep the order of keys; a handover of a
/// million files, and a reader who looks for fields in the kernel's order, need both.
public struct DocumentWriter {
    private var buffer: [UInt8] = []
    private var depth = 0
    /// Inside an object or array that is written on one line.
    private var compactDepth = 0
    private var isFirst = true
    private let flushSize: Int
    private let flush: (borrowing [UInt8]) -> Void

    /// - Parameter flush: called with a piece of text whenever enough of it has come together.
    public init(flushingEvery flushSize: Int = 1 << 16, _ flush: @escaping (borrowing [UInt8]) -> Void) {
        self.flushSize = flushSize
        self.flush = flush
        buffer.reserveCapacity(flushSize + 4096)
    }

    /// Writes a whole document, and a line feed.
    public mutating func write(_ state: HandoverState) {
        HandoverState.form.write(state, to: &self)
        finish()
    }

    /// Ends the document with a line feed, and hands on what is left of it.
    public mutating func finish() {
        buffer.append(UInt8(ascii: "\n"))
        flush(buffer)
        buffer.removeAll(keepingCapacity: true)
    }

    public mutating func string(_ string: String) {
        buffer.append(UInt8(ascii: "\""))
        for byte in string.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                buffer.append(UInt8(ascii: "\\"))
                buffer.append(byte)
            case 0x0a: raw("\\n")
            case 0x0d: raw("\\r")
            case 0x09: raw("\\t")
            case 0..<0x20, 0x7f:
                raw("\\u00")
                hexDigit(byte >> 4)
                hexDigit(byte & 15)
            default: buffer.append(byte)
            }
        }
        buffer.append(UInt8(ascii: "\""))
    }

    public mutating func number(_ value: UInt64) {
        digits(value, radix: 10)
    }

    /// Writes `"0x…"`.
    public mutating func hex(_ value: UInt64) {
        raw("\"0x")
        digits(value, radix: 16)
        buffer.append(UInt8(ascii: "\""))
    }

    public mutating func boolean(_ value: Bool) {
        raw(value ? "true" : "false")
    }

    mutating func base64(_ bytes: [UInt8]) {
        buffer.append(UInt8(ascii: "\""))
        Base64.encode(bytes, into: &buffer)
        buffer.append(UInt8(ascii: "\""))
    }

    public mutating func object(compact: Bool = false, _ body: (inout DocumentWriter) -> Void) {
        enclose("{", "}", compact: compact, body)
    }

    public mutating func array(compact: Bool = false, _ body: (inout DocumentWriter) -> Void) {
        enclose("[", "]", compact: compact, body)
    }

    /// Writes the key of the next member; its value is to follow.
    public mutating func key(_ key: String) {
        separate()
        string(key)
        raw(": ")
    }

    /// Begins the next element of an array; its value is to follow.
    public mutating func element() {
        separate()
    }

    private mutating func enclose(
        _ open: StaticString, _ close: StaticString, compact: Bool, _ body: (inout DocumentWriter) -> Void
    ) {
        raw(open)
        let outer = isFirst
        isFirst = true
        if compact || compactDepth > 0 { compactDepth += 1 }
        depth += 1
        body(&self)
        depth -= 1
        if compactDepth > 0 {
            compactDepth -= 1
        } else if !isFirst {
            newLine()
        }
        raw(close)
        isFirst = outer
        if buffer.count >= flushSize {
            flush(buffer)
            buffer.removeAll(keepingCapacity: true)
        }
    }

    private mutating func separate() {
        if !isFirst { buffer.append(UInt8(ascii: ",")) }
        if compactDepth == 0 {
            newLine()
        } else if !isFirst {
            buffer.append(UInt8(ascii: " "))
        }
        isFirst = false
    }

    private mutating func newLine() {
        buffer.append(UInt8(ascii: "\n"))
        for _ in 0..<depth {
            raw("  ")
        }
    }

    private mutating func raw(_ text: StaticString) {
        text.withUTF8Buffer { buffer.append(contentsOf: $0) }
    }

    private mutating func hexDigit(_ value: UInt8) {
        buffer.append(value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") - 10 + value)
    }

    private mutating func digits(_ value: UInt64, radix: UInt64) {
        var rest = value
        let start = buffer.count
        repeat {
            hexDigit(UInt8(truncatingIfNeeded: rest % radix))
            rest /= radix
        } while rest != 0
        buffer[start...].reverse()
    }
}
