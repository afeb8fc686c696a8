import CLibFDT

/// The bytes of a tree, in words: libfdt wants a tree at an address that is a multiple of 8.
///
/// Passing `words` to a C function hands it the address for the time of the call. The pointers that libfdt gives
/// back are turned into offsets at once and so never outlive it.
struct Storage: Sendable, Hashable {
    /// Bytes past `count` in the last word are zero, so that equal trees are equal storages.
    var words: [UInt64]
    private(set) var count: Int

    /// Zero-filled.
    init(count: Int) {
        words = Array(repeating: 0, count: (count + 7) / 8)
        self.count = count
    }

    /// A copy of the first `count` bytes.
    init(copying bytes: RawSpan, count: Int) {
        self.init(count: count)
        words.withUnsafeMutableBytes { target in
            bytes.extracting(first: count).withUnsafeBytes { target.copyMemory(from: $0) }
        }
    }

    func withBytes<R, E: Error>(_ body: (RawSpan) throws(E) -> R) throws(E) -> R {
        try body(words.span.bytes.extracting(first: count))
    }

    func withBytes<R, E: Error>(in range: Range<Int>, _ body: (RawSpan) throws(E) -> R) throws(E) -> R {
        try body(words.span.bytes.extracting(first: count).extracting(range))
    }

    /// Where the bytes lie that a libfdt function found, or nil if it found none.
    func offset(of find: (UnsafeRawPointer?) -> UnsafeRawPointer?) -> Int? {
        words.withUnsafeBytes { buffer in
            guard let base = buffer.baseAddress, let found = find(base) else { return nil }
            let offset = found - base
            return (0...count).contains(offset) ? offset : nil
        }
    }

    /// Forgets the bytes from `count` on.
    mutating func truncate(to count: Int) {
        guard count < self.count else { return }
        self = withBytes { Storage(copying: $0, count: count) }
    }

    /// Makes room for `count` bytes; the new ones are zero.
    mutating func grow(to count: Int) {
        guard count > self.count else { return }
        words.append(contentsOf: repeatElement(0, count: (count + 7) / 8 - words.count))
        self.count = count
    }
}
