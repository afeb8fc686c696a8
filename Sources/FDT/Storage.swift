/// The bytes of a tree at an address that is a multiple of 8, as libfdt requires.
///
/// Passing `bytes` to a C function lends it the address for the duration of the call. Pointers returned by libfdt are
/// converted to offsets at once, so they never outlive it.
struct Storage: Sendable, Hashable {
    /// An array's elements begin 32 bytes into its allocation, which is 16-byte aligned.
    var bytes: [UInt8]

    var count: Int { bytes.count }

    /// Zero-filled.
    init(count: Int) {
        bytes = Array(repeating: 0, count: count)
    }

    /// A copy of the first `count` bytes.
    init(copying bytes: RawSpan, count: Int) {
        self.bytes = bytes.extracting(first: count).array
    }

    /// Shares an array without copying it.
    init(sharing bytes: [UInt8]) {
        // Nothing guarantees the alignment of an array from elsewhere; that of our own copy is known.
        let isAligned = bytes.withUnsafeBytes { UInt(bitPattern: $0.baseAddress).isMultiple(of: 8) }
        self.bytes = isAligned ? bytes : bytes.span.bytes.array
    }

    func withBytes<R, E: Error>(_ body: (RawSpan) throws(E) -> R) throws(E) -> R {
        try body(bytes.span.bytes)
    }

    func withBytes<R, E: Error>(in range: Range<Int>, _ body: (RawSpan) throws(E) -> R) throws(E) -> R {
        try body(bytes.span.bytes.extracting(range))
    }
}
