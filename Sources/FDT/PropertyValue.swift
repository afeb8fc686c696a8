/// The value of a property, read as the types used in device trees.
///
/// A value does not carry its type: the reader has to know it. Every accessor returns nil if the bytes cannot be of the
/// requested type.
public protocol PropertyValue {
    /// Calls `body` with the bytes of the value.
    func withBytes<R, E: Error>(_ body: (RawSpan) throws(E) -> R) throws(E) -> R
}

extension PropertyValue {
    /// A copy of the value.
    public var bytes: [UInt8] { withBytes { $0.array } }

    /// The size of the value in bytes.
    public var count: Int { withBytes { $0.byteCount } }

    /// The value as one 32-bit number; nil unless it is 4 bytes long.
    public func u32(_ order: ByteOrder = .bigEndian) -> UInt32? {
        withBytes { $0.byteCount == 4 ? $0.integer(UInt32.self, at: 0, order) : nil }
    }

    /// The value as one 64-bit number; nil unless it is 8 bytes long.
    public func u64(_ order: ByteOrder = .bigEndian) -> UInt64? {
        withBytes { $0.byteCount == 8 ? $0.integer(UInt64.self, at: 0, order) : nil }
    }

    /// The value as big-endian 32-bit cells; nil unless it is a whole number of them.
    public var cells: [UInt32]? {
        withBytes { bytes in
            guard bytes.byteCount.isMultiple(of: 4) else { return nil }
            return stride(from: 0, to: bytes.byteCount, by: 4).map { bytes.word(at: $0) }
        }
    }

    /// The value as a string: UTF-8 with one NUL, at the end. nil for anything else, including a list of strings.
    public var string: String? {
        guard let strings, strings.count == 1 else { return nil }
        return strings.first
    }

    /// The value as a list of NUL-terminated strings.
    ///
    /// nil if the value is empty, its last byte is not a NUL, or a string is not UTF-8. Strings may be empty.
    public var strings: [String]? {
        let bytes = bytes
        guard bytes.last == 0 else { return nil }
        var strings: [String] = []
        for part in bytes.dropLast().split(separator: 0, omittingEmptySubsequences: false) {
            guard let string = String(validating: part, as: UTF8.self) else { return nil }
            strings.append(string)
        }
        return strings
    }
}
