import Handover
import KernelABI

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

    /// Has `body` write at most `count` bytes: of many small pieces, each costs a fraction of a write by itself.
    @inline(__always)
    mutating func write(atMost count: Int, _ body: (inout OutputSpan<UInt8>) -> Void) {
        buffer.append(addingCapacity: count, initializingWith: body)
    }

    // Literals are to be static strings: those come down to their bytes, where a String has to be made and copied.
    // Other text may quote an image.
    @_disfavoredOverload
    mutating func write(_ text: String) {
        buffer.append(contentsOf: ImageText.visible(text).utf8)
    }

    mutating func write(_ text: StaticString) {
        write(atMost: text.utf8CodeUnitCount) { $0.write(text) }
    }

    mutating func write(_ byte: UInt8) {
        buffer.append(byte)
    }

    mutating func spaces(_ count: Int) {
        guard count > 0 else { return }
        write(atMost: count) { $0.append(repeating: UInt8(ascii: " "), count: count) }
    }

    /// Ends a line, with at most `count` bytes that `body` writes before its end; the place where text is handed on.
    @inline(__always)
    mutating func endLine(atMost count: Int = 0, _ body: (inout OutputSpan<UInt8>) -> Void = { _ in }) {
        write(atMost: count + 1) { text in
            body(&text)
            text.write("\n")
        }
        if buffer.count >= flushSize { finish() }
    }

    /// Writes a number in lower-case hexadecimal digits, at least `width` of them.
    mutating func hex(_ value: UInt64, width: Int = 1) {
        write(atMost: 16) { $0.hex(value, width: width) }
    }
}

// Inlined, so that a line comes down to its bytes.
extension OutputSpan<UInt8> {
    @inline(__always)
    mutating func tabs(_ count: Int) {
        for _ in 0..<count { append(UInt8(ascii: "\t")) }
    }

    /// Writes bytes behind tabs.
    @inline(__always)
    mutating func write(_ bytes: RawSpan, tabs count: Int) {
        tabs(count)
        bytes.withUnsafeBytes { bytes in
            for byte in bytes { append(byte) }
        }
    }
}
