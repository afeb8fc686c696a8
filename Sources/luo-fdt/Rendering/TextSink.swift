import Handover
import KernelABI

/// A buffer for output text, which is flushed in pieces, so that output is never in memory as a whole.
struct TextSink {
    private var buffer: [UInt8] = []
    private let flushSize: Int
    private let flush: (borrowing [UInt8]) -> Void

    /// - Parameter flush: Called with the buffered text whenever there are `flushSize` bytes or more.
    init(flushingEvery flushSize: Int = 1 << 16, _ flush: @escaping (borrowing [UInt8]) -> Void) {
        self.flushSize = flushSize
        self.flush = flush
        buffer.reserveCapacity(flushSize + 4096)
    }

    /// Flushes the rest.
    mutating func finish() {
        guard !buffer.isEmpty else { return }
        flush(buffer)
        buffer.removeAll(keepingCapacity: true)
    }

    /// Calls `body` to write at most `count` bytes. Cheaper for many small pieces than writing each one.
    @inline(__always)
    mutating func write(atMost count: Int, _ body: (inout OutputSpan<UInt8>) -> Void) {
        buffer.append(addingCapacity: count, initializingWith: body)
    }

    // Literals should be static strings, which compile to their bytes, whereas a String has to be created and copied.
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

    /// Ends a line, after calling `body` to write at most `count` bytes. Flushes if enough text is buffered.
    @inline(__always)
    mutating func endLine(atMost count: Int = 0, _ body: (inout OutputSpan<UInt8>) -> Void = { _ in }) {
        write(atMost: count + 1) { text in
            body(&text)
            text.write("\n")
        }
        if buffer.count >= flushSize { finish() }
    }

    /// Writes a number in lower-case hexadecimal, with at least `width` digits.
    mutating func hex(_ value: UInt64, width: Int = 1) {
        write(atMost: 16) { $0.hex(value, width: width) }
    }
}

// Inlined, so that a line compiles to its bytes.
extension OutputSpan<UInt8> {
    @inline(__always)
    mutating func tabs(_ count: Int) {
        for _ in 0..<count { append(UInt8(ascii: "\t")) }
    }

    /// Writes tabs, then bytes.
    @inline(__always)
    mutating func write(_ bytes: RawSpan, tabs count: Int) {
        tabs(count)
        bytes.withUnsafeBytes { bytes in
            for byte in bytes { append(byte) }
        }
    }
}
