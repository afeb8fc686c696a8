extension RawSpan {
    /// Whether the bytes are these and no others.
    @inlinable
    package func isEqual(to other: RawSpan) -> Bool {
        let count = other.byteCount
        guard byteCount == count else { return false }
        guard count >= 8 else {
            var index = 0
            while index < count {
                guard unsafeLoad(fromUncheckedByteOffset: index, as: UInt8.self)
                    == other.unsafeLoad(fromUncheckedByteOffset: index, as: UInt8.self)
                else { return false }
                index += 1
            }
            return true
        }
        var index = 0
        while true {
            guard unsafeLoadUnaligned(fromUncheckedByteOffset: index, as: UInt64.self)
                == other.unsafeLoadUnaligned(fromUncheckedByteOffset: index, as: UInt64.self)
            else { return false }
            if index == count - 8 { return true }
            // The last word overlaps the one before it.
            index = min(index + 8, count - 8)
        }
    }
}
