import KernelABI

extension [UInt8] {
    /// A copy of the span's bytes.
    package init(copying span: RawSpan) {
        self = span.withUnsafeBytes { Array($0) }
    }

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
    /// Whether the bytes are `start` followed by zeros.
    func equals(_ start: [UInt8]) -> Bool {
        guard start.count <= byteCount, extracting(first: start.count).isEqual(to: start.span.bytes) else {
            return false
        }
        return extracting(start.count..<byteCount).firstNonzeroByte == nil
    }

    /// The number of bytes up to and including the last nonzero one.
    var countWithoutTrailingZeros: Int {
        var count = byteCount
        while count >= 64,
            unsafeLoadUnaligned(fromByteOffset: count - 64, as: SIMD8<UInt64>.self) == .zero
        {
            count -= 64
        }
        while count > 0, unsafeLoad(fromByteOffset: count - 1, as: UInt8.self) == 0 { count -= 1 }
        return count
    }

    /// The offset of the first nonzero byte, or `nil`.
    var firstNonzeroByte: Int? {
        var offset = 0
        // Nearly everything is zero: check large pieces at a time.
        while offset + 64 <= byteCount,
            unsafeLoadUnaligned(fromByteOffset: offset, as: SIMD8<UInt64>.self) == .zero
        {
            offset += 64
        }
        while offset < byteCount, unsafeLoad(fromByteOffset: offset, as: UInt8.self) == 0 { offset += 1 }
        return offset < byteCount ? offset : nil
    }

    /// The little-endian number at `offset`. Traps if it is out of bounds, as a subscript does.
    package func littleEndian<Number: FixedWidthInteger & BitwiseCopyable>(
        at offset: Int, as type: Number.Type = Number.self
    ) -> Number {
        Number(littleEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: type))
    }
}

extension UInt64 {
    /// The sum, or the maximum on overflow.
    package func addingSaturating(_ other: UInt64) -> UInt64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}

/// Reads that have to copy, as their bytes are not contiguous in the source.
enum CopiedRead {
    /// The maximum number of bytes that one read copies. Counts come from the memory that is read, and a corrupt one
    /// must not cause a huge allocation.
    static let limit = 1 << 28

    static func tooLong(_ address: PhysicalAddress, _ count: Int) -> MemoryError {
        .unreadable(
            address: address, count: count,
            reason: "it is not contiguous, and larger than the \(limit) bytes that can be copied at once")
    }

    /// Calls `body` with `count` zero bytes.
    static func withZeroes<Result>(
        at address: PhysicalAddress, count: Int, _ body: (RawSpan) -> Result
    ) throws(MemoryError) -> Result {
        if count <= zeroes.count { return body(zeroes.span.bytes.extracting(first: count)) }
        if count > limit { throw tooLong(address, count) }
        return body([UInt8](repeating: 0, count: count).span.bytes)
    }

    private static let zeroes = [UInt8](repeating: 0, count: 1 << 16)
}
