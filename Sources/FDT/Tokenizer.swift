import CLibFDT

/// Splits the structure block of a tree into tokens. The only code that knows their format. C: `fdt_next_tag`.
///
/// Accepts any bytes, provided that every call gets the same ones. Stops at the first incomplete or unknown token;
/// ``remainder(in:)`` tells what is there. Does not check the order of tokens: libfdt does (``Storage/verdict()``).
struct Tokenizer: Sendable {
    /// A token; ranges and offsets count from the start of the tree.
    enum Token {
        case beginNode(name: Range<Int>)
        case endNode
        case property(Property)
        case nop
        case end
    }

    struct Property {
        /// The offset of the tag.
        let start: Int
        let nameStart: Int
        let value: Range<Int>
    }

    /// What is at a position at which no token could be read.
    enum Remainder {
        /// Fewer bytes than a tag.
        case nothing
        case unknown(tag: UInt32)
        /// A node whose name is not terminated.
        case beginNode(name: Range<Int>)
        /// A property without its length or name offset.
        case propertyHeader
        /// A property whose value extends past the end.
        case property(Property)
    }

    private let start: Int
    private let end: Int
    private let stringsStart: Int
    private let isOld: Bool
    /// The offset of the next token from the start of the tree.
    private(set) var position: Int

    /// - Parameters:
    ///   - end: The end of the block, from the start of the tree: at most the number of bytes.
    ///   - offset: Where to begin, from the start of the block: libfdt's offset of a node or a property.
    init(_ header: Header, end: Int, at offset: Int = 0) {
        start = Int(header.structureOffset)
        self.end = end
        stringsStart = Int(header.stringsOffset)
        isOld = header.version < 16
        position = start + offset
    }

    /// Reads a tree of `count` bytes, up to the end stated in its header.
    init(_ header: Header, count: Int, at offset: Int = 0) {
        let blockEnd = header.structureSize.map { Int(header.structureOffset) + Int($0) } ?? .max
        self.init(header, end: min(count, Int(header.totalSize), blockEnd), at: offset)
    }

    /// The offset of the next token from the start of the block.
    var structureOffset: Int { position - start }

    /// The next token; `nil` if there is no complete one.
    // Inlined, so that no token is created if the caller switches over it at once.
    @inline(__always)
    mutating func next(in bytes: RawSpan) -> Token? {
        guard position <= end - 4 else { return nil }
        switch Int32(bitPattern: bytes.word(at: position)) {
        case FDT_BEGIN_NODE:
            let name = position + 4
            guard let nameEnd = bytes.firstNUL(from: name, to: end) else { return nil }
            skip(to: nameEnd + 1)
            return .beginNode(name: name..<nameEnd)
        case FDT_END_NODE:
            position += 4
            return .endNode
        case FDT_PROP:
            guard let property = property(in: bytes), property.value.upperBound <= end else { return nil }
            skip(to: property.value.upperBound)
            return .property(property)
        case FDT_NOP:
            position += 4
            return .nop
        case FDT_END:
            position += 4
            return .end
        default:
            return nil
        }
    }

    /// What is at the position at which ``next(in:)`` returned `nil`.
    func remainder(in bytes: RawSpan) -> Remainder {
        guard position <= end - 4 else { return .nothing }
        let tag = bytes.word(at: position)
        switch Int32(bitPattern: tag) {
        case FDT_BEGIN_NODE: return .beginNode(name: position + 4..<end)
        case FDT_PROP: return property(in: bytes).map { .property($0) } ?? .propertyHeader
        default: return .unknown(tag: tag)
        }
    }

    /// The property that begins here, if its header is present.
    @inline(__always)
    private func property(in bytes: RawSpan) -> Property? {
        guard position <= end - 12 else { return nil }
        let count = Int(bytes.word(at: position + 4))
        var value = position + 12
        // Before version 16, values of 8 or more bytes are aligned to 8 bytes in the block.
        if isOld, count >= 8, (value - start) % 8 != 0 { value += 4 }
        return Property(
            start: position, nameStart: stringsStart + Int(bytes.word(at: position + 8)), value: value..<value + count)
    }

    /// The next property of a node that has just begun, or from which a property was read last; `nil` after the last
    /// one.
    mutating func nextProperty(in bytes: RawSpan) -> Property? {
        while true {
            switch next(in: bytes) {
            case .property(let property): return property
            case .nop: break
            default: return nil
            }
        }
    }

    /// Skips to the next token, which is 4-byte aligned in the block.
    private mutating func skip(to offset: Int) {
        position = start + ((offset - start + 3) & ~3)
    }

    /// The name of a node. Before version 16, the block has whole paths; `nil` if a name is not one.
    func nodeName(_ name: Range<Int>, in bytes: RawSpan) -> Range<Int>? {
        guard isOld else { return name }
        var start = name.upperBound
        while start > name.lowerBound {
            if bytes.byte(at: start - 1) == UInt8(ascii: "/") { return start..<name.upperBound }
            start -= 1
        }
        return nil
    }
}
