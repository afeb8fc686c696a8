import CLibFDT

/// Splits the structure block of a tree into its tokens: the one place that knows their form. C: `fdt_next_tag`.
///
/// Any bytes will do, if they are the same in every call. It stops at the first token that is not whole or not known;
/// ``remainder(in:)`` says what is there. It does not judge the order of tokens: that is for libfdt
/// (``Storage/verdict()``).
struct Tokenizer: Sendable {
    /// A token; ranges and offsets are from the start of the tree.
    enum Token {
        case beginNode(name: Range<Int>)
        case endNode
        case property(Property)
        case nop
        case end
    }

    struct Property {
        /// Where the tag is.
        let start: Int
        let nameStart: Int
        let value: Range<Int>
    }

    /// What is at a place where no token could be read.
    enum Remainder {
        /// Fewer bytes than a tag has.
        case nothing
        case unknown(tag: UInt32)
        /// A node whose name has no end.
        case beginNode(name: Range<Int>)
        /// A property without its length or the offset of its name.
        case propertyHeader
        /// A property whose value reaches past the end.
        case property(Property)
    }

    private let start: Int
    private let end: Int
    private let stringsStart: Int
    private let isOld: Bool
    /// Where the next token is, from the start of the tree.
    private(set) var position: Int

    /// - Parameters:
    ///   - end: Where the bytes of the block end, from the start of the tree: at most the number of bytes.
    ///   - offset: Where to begin, from the start of the block: libfdt's offset of a node or a property.
    init(_ header: Header, end: Int, at offset: Int = 0) {
        start = Int(header.structureOffset)
        self.end = end
        stringsStart = Int(header.stringsOffset)
        isOld = header.version < 16
        position = start + offset
    }

    /// Reads a tree of `count` bytes, to the end that its header states.
    init(_ header: Header, count: Int, at offset: Int = 0) {
        let blockEnd = header.structureSize.map { Int(header.structureOffset) + Int($0) } ?? .max
        self.init(header, end: min(count, Int(header.totalSize), blockEnd), at: offset)
    }

    /// Where the next token is, from the start of the block.
    var structureOffset: Int { position - start }

    /// The next token; `nil` if there is none that is whole.
    // Inlined, so that no token is made where the caller asks at once what it is.
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

    /// What is there after ``next(in:)`` has returned `nil`.
    func remainder(in bytes: RawSpan) -> Remainder {
        guard position <= end - 4 else { return .nothing }
        let tag = bytes.word(at: position)
        switch Int32(bitPattern: tag) {
        case FDT_BEGIN_NODE: return .beginNode(name: position + 4..<end)
        case FDT_PROP: return property(in: bytes).map { .property($0) } ?? .propertyHeader
        default: return .unknown(tag: tag)
        }
    }

    /// The property that begins here, if its header is there.
    @inline(__always)
    private func property(in bytes: RawSpan) -> Property? {
        guard position <= end - 12 else { return nil }
        let count = Int(bytes.word(at: position + 4))
        var value = position + 12
        // Before version 16 values of 8 bytes and more are aligned to 8 bytes of the block.
        if isOld, count >= 8, (value - start) % 8 != 0 { value += 4 }
        return Property(
            start: position, nameStart: stringsStart + Int(bytes.word(at: position + 8)), value: value..<value + count)
    }

    /// The next property of a node that has just begun, or of which a property was read last; `nil` after the last one.
    mutating func nextProperty(in bytes: RawSpan) -> Property? {
        while true {
            switch next(in: bytes) {
            case .property(let property): return property
            case .nop: break
            default: return nil
            }
        }
    }

    /// The token that follows is at the next multiple of 4 in the block.
    private mutating func skip(to offset: Int) {
        position = start + ((offset - start + 3) & ~3)
    }

    /// What a node is called: before version 16 names in the block are whole paths. `nil` if one is not.
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
