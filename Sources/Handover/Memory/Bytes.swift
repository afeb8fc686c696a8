import KernelABI

extension [UInt8] {
    /// Appends a copy of the span's bytes.
    mutating func append(copying span: RawSpan) {
        span.withUnsafeBytes { append(contentsOf: $0) }
    }

    /// Appends the number's bytes, least significant first.
    mutating func append<Number: FixedWidthInteger>(littleEndian number: Number) {
        for shift in stride(from: 0, to: Number.bitWidth, by: 8) {
            append(UInt8(truncatingIfNeeded: number >> shift))
        }
    }
}

extension RawSpan {
    /// The little-endian number at `offset`. Traps where that is out of bounds, as a subscript does.
    func littleEndian<Number: FixedWidthInteger & BitwiseCopyable>(
        at offset: Int, as type: Number.Type = Number.self
    ) -> Number {
        Number(littleEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: type))
    }
}

/// Reads whose bytes do not lie in one piece in the source.
enum CopiedRead {
    /// The most bytes that one of them copies. Counts come out of the memory that is read, and a corrupt one must
    /// not make us allocate without end.
    static let limit = 1 << 28

    static func tooLong(_ address: PhysicalAddress, _ count: Int) -> MemoryError {
        .unreadable(
            address: address, count: count,
            reason: "it is not in one piece, and more than the \(limit) bytes that are copied at once")
    }

    /// Hands `count` bytes of zero to `body`.
    static func withZeroes<Result>(
        at address: PhysicalAddress, count: Int, _ body: (RawSpan) -> Result
    ) throws(MemoryError) -> Result {
        if count <= zeroes.count { return body(zeroes.span.bytes.extracting(first: count)) }
        if count > limit { throw tooLong(address, count) }
        return body([UInt8](repeating: 0, count: count).span.bytes)
    }

    private static let zeroes = [UInt8](repeating: 0, count: 1 << 16)
}
