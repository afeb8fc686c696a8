extension RawSpan {
    /// Whether the bytes equal `other`.
    @inlinable
    package func isEqual(to other: RawSpan) -> Bool {
        let count = other.byteCount
        guard byteCount == count else { return false }
        guard count >= 8 else {
            var index = 0
            while index < count {
                guard
                    unsafeLoad(fromUncheckedByteOffset: index, as: UInt8.self)
                        == other.unsafeLoad(fromUncheckedByteOffset: index, as: UInt8.self)
                else { return false }
                index += 1
            }
            return true
        }
        var index = 0
        // Four words at a time, which the compiler turns into wide loads.
        while index + 32 <= count {
            let difference =
                (word(at: index) ^ other.word(at: index)) | (word(at: index + 8) ^ other.word(at: index + 8))
                | (word(at: index + 16) ^ other.word(at: index + 16))
                | (word(at: index + 24) ^ other.word(at: index + 24))
            guard difference == 0 else { return false }
            index += 32
        }
        while index < count {
            // The last word overlaps the one before it.
            let start = Swift.min(index, count - 8)
            guard word(at: start) == other.word(at: start) else { return false }
            index += 8
        }
        return true
    }

    /// Loads eight bytes; the caller has checked that they are within the span.
    @inlinable
    package func word(at offset: Int) -> UInt64 {
        unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt64.self)
    }
}
