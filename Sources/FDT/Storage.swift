/// The bytes of a tree, where libfdt takes them: at an address that is a multiple of 8.
///
/// Passing `bytes` to a C function hands it the address for the time of the call. The pointers that libfdt gives
/// back are turned into offsets at once and so never outlive it.
struct Storage: Sendable, Hashable {
    /// An array's elements lie 32 bytes into its allocation, and that at a multiple of 16.
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

    /// An array as it is, without a copy.
    init(sharing bytes: [UInt8]) {
        // Nothing promises the alignment of an array that someone else has made; a copy is our own.
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
