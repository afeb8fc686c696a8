/// A string in a kernel structure: bytes that need not be UTF-8.
public struct KernelString: Hashable, Sendable {
    /// One word, even if optional: a handover can have a million strings.
    @usableFromInline
    enum Storage: Hashable, Sendable {
        case terminated([UInt8])
        case unterminated([UInt8])
    }

    @usableFromInline var storage: Storage

    /// The bytes before the NUL.
    @inlinable public var bytes: [UInt8] {
        get {
            switch storage {
            case .terminated(let bytes), .unterminated(let bytes): bytes
            }
        }
        set { self = KernelString(bytes: newValue, isTerminated: isTerminated) }
    }

    /// Whether the field contains a NUL after the bytes.
    @inlinable public var isTerminated: Bool {
        get {
            if case .terminated = storage { true } else { false }
        }
        set { self = KernelString(bytes: bytes, isTerminated: newValue) }
    }

    @inlinable
    public init(bytes: [UInt8], isTerminated: Bool = true) {
        storage = isTerminated ? .terminated(bytes) : .unterminated(bytes)
    }

    public init(_ string: String) {
        self.init(bytes: Array(string.utf8))
    }

    /// Whether the bytes are valid UTF-8.
    public var isValid: Bool {
        // Nearly all names are ASCII: no need to create a string.
        bytes.reduce(0, |) < 0x80 || validString != nil
    }

    /// The string, or `nil` if the bytes are not valid UTF-8.
    public var validString: String? {
        String(validating: bytes, as: UTF8.self)
    }
}

extension KernelString: ExpressibleByStringLiteral, CustomStringConvertible {
    public init(stringLiteral value: String) {
        self.init(value)
    }

    /// The string, quoted and escaped: the only form in which to show it.
    public var description: String { quoted }

    /// The string in quotes, for use in sentences; see ``ImageText``.
    public var quoted: String { ImageText(bytes).quoted }

    /// The quoted string if it can be a name, otherwise its number of bytes; for findings. A damaged pointer may lead
    /// to anyone's memory, and people send findings to others.
    public var named: String {
        isText ? quoted : "\(bytes.count) bytes" + (isTerminated ? " that are not text" : " without a NUL")
    }

    /// Whether the string is NUL-terminated, valid UTF-8, and free of control characters.
    public var isText: Bool { isTerminated && isValid && bytes.allSatisfy { $0 >= 0x20 && $0 != 0x7f } }

    /// The string without quotes if unambiguous, for columns; notes a missing NUL.
    public var bare: String { ImageText(bytes).bare + (isTerminated ? "" : " (no NUL)") }

    /// The string as the name of a node or file, with invalid UTF-8 replaced. Not for display.
    public var repaired: String { String(decoding: bytes, as: UTF8.self) }
}

extension CharacterField {
    /// Whether the field of the structure at `base` holds `string`. Does not create a string.
    @inlinable
    public func holds(_ string: KernelString, _ bytes: RawSpan, at base: Int = 0) -> Bool {
        let length = string.bytes.count
        guard length < count ? string.isTerminated : length == count && !string.isTerminated else { return false }
        let start = base + offset
        if length < count, bytes.unsafeLoad(fromByteOffset: start + length, as: UInt8.self) != 0 { return false }
        return bytes.extracting(start..<start + length).isEqual(to: string.bytes.span.bytes)
    }

    /// Reads the string in the field of the structure at `base`.
    public func read(_ bytes: RawSpan, at base: Int = 0) -> KernelString {
        let length = length(bytes, at: base)
        let start = base + offset
        let string = [UInt8](capacity: length) { string in
            for index in start..<start + length {
                string.append(bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self))
            }
        }
        return KernelString(bytes: string, isTerminated: length < count)
    }

    private func length(_ bytes: RawSpan, at base: Int) -> Int {
        var length = 0
        while length < count, bytes.unsafeLoad(fromByteOffset: base + offset + length, as: UInt8.self) != 0 {
            length += 1
        }
        return length
    }

    /// Writes a string as the kernel's `strscpy` does: truncated if it does not fit, and NUL-terminated.
    ///
    /// An unterminated string fills the field to its last byte, which no kernel writes or expects.
    public func write(_ string: KernelString, to bytes: inout [UInt8], at base: Int = 0) {
        let length = min(string.bytes.count, string.isTerminated ? count - 1 : count)
        let start = base + offset
        bytes.replaceSubrange(start..<start + length, with: string.bytes[..<length])
    }
}
