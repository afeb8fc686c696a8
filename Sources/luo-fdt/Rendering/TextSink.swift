/// Text on its way out: collected as bytes, and handed on piece by piece, so that no output is ever whole in memory.
struct TextSink {
    private var buffer: [UInt8] = []
    private let flushSize: Int
    private let flush: (borrowing [UInt8]) -> Void

    /// - Parameter flush: called with a piece of text whenever enough of it has come together.
    init(flushingEvery flushSize: Int = 1 << 16, _ flush: @escaping (borrowing [UInt8]) -> Void) {
        self.flushSize = flushSize
        self.flush = flush
        buffer.reserveCapacity(flushSize + 4096)
    }

    /// Hands on what is left.
    mutating func finish() {
        guard !buffer.isEmpty else { return }
        flush(buffer)
        buffer.removeAll(keepingCapacity: true)
    }

    mutating func write(_ text: String) {
        buffer.append(contentsOf: text.utf8)
    }

    mutating func write(_ text: StaticString) {
        text.withUTF8Buffer { buffer.append(contentsOf: $0) }
    }

    mutating func write(_ byte: UInt8) {
        buffer.append(byte)
    }

    mutating func write(_ bytes: RawSpan) {
        bytes.withUnsafeBytes { buffer.append(contentsOf: $0) }
    }

    mutating func spaces(_ count: Int) {
        guard count > 0 else { return }
        buffer.append(contentsOf: repeatElement(UInt8(ascii: " "), count: count))
    }

    /// Ends a line; the place where text is handed on.
    mutating func endLine() {
        buffer.append(UInt8(ascii: "\n"))
        if buffer.count >= flushSize { finish() }
    }

    /// Writes a number in lower-case hexadecimal digits, at least `width` of them.
    mutating func hex(_ value: UInt64, width: Int = 1) {
        let digits = max(width, (67 - value.leadingZeroBitCount) / 4, 1)
        for digit in stride(from: digits - 1, through: 0, by: -1) {
            let nibble = digit < 16 ? UInt8(truncatingIfNeeded: value >> UInt64(digit * 4)) & 15 : 0
            buffer.append(nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") - 10 + nibble)
        }
    }
}
