/// Reads the tags of a structure block, one after the other, as `fdt_next_tag` does, but without a call for each, and
/// another look into the header for each byte of a name.
///
/// Any bytes will do, if they are the same in every call: it ends where a tag is not whole or not known.
/// Whether a tree is one is for libfdt to judge (``Storage/verdict()``).
struct StructureReader: Sendable {
    /// A tag; ranges and offsets are from the start of the tree.
    enum Tag {
        case beginNode(name: Range<Int>)
        case endNode
        /// The name is the string at the offset.
        case property(nameStart: Int, value: Range<Int>)
        /// A property whose size, with its header, is no number of 32 bits.
        case endlessProperty
        case nop
        case end
    }

    private let start: Int
    private let end: Int
    private let stringsStart: Int
    private let isOld: Bool
    /// The next tag, from the start of the tree.
    private var offset: Int

    /// - Parameters:
    ///   - count: how many bytes there are.
    ///   - offset: where to begin, from the start of the block: libfdt's offset of a node or a property.
    init(_ header: Header, count: Int, at offset: Int = 0) {
        let start = Int(header.structureOffset)
        self.start = start
        end = min(count, Int(header.totalSize), header.structureSize.map { start + Int($0) } ?? .max)
        stringsStart = Int(header.stringsOffset)
        isOld = header.version < 16
        self.offset = start + offset
    }

    /// Where the next tag is, from the start of the block.
    var structureOffset: Int { offset - start }

    /// The next tag, nil where there is none.
    // Inlined, so that no tag is made where the caller asks at once what it is.
    @inline(__always)
    mutating func next(in bytes: RawSpan) -> Tag? {
        guard offset <= end - 4 else { return nil }
        switch bytes.word(at: offset) {
        case 1:
            let name = offset + 4
            guard let nameEnd = bytes.firstNUL(from: name, to: end) else { return nil }
            skip(to: nameEnd + 1)
            return .beginNode(name: name..<nameEnd)
        case 2:
            offset += 4
            return .endNode
        case 3:
            guard offset <= end - 8 else { return nil }
            let count = Int(bytes.word(at: offset + 4))
            var value = offset + 12
            // Before version 16 values of 8 bytes and more are aligned to 8 bytes of the block.
            if isOld, count >= 8, (value - start) % 8 != 0 { value += 4 }
            let valueEnd = value + count
            if valueEnd - offset > UInt32.max { return .endlessProperty }
            guard valueEnd <= end else { return nil }
            let nameStart = stringsStart + Int(bytes.word(at: offset + 8))
            skip(to: valueEnd)
            return .property(nameStart: nameStart, value: value..<valueEnd)
        case 4:
            offset += 4
            return .nop
        case 9:
            offset += 4
            return .end
        default:
            return nil
        }
    }

    /// Where a property is.
    struct Property {
        /// libfdt's offset of the property.
        let structureOffset: Int
        let nameStart: Int
        let value: Range<Int>
    }

    /// The next property of a node that has just begun, or of which a property was read last; nil behind the last one.
    mutating func nextProperty(in bytes: RawSpan) -> Property? {
        while true {
            let here = structureOffset
            switch next(in: bytes) {
            case .property(let nameStart, let value):
                return Property(structureOffset: here, nameStart: nameStart, value: value)
            case .nop: break
            default: return nil
            }
        }
    }

    /// The tag that follows is at the next multiple of 4 in the block.
    private mutating func skip(to offset: Int) {
        self.offset = start + ((offset - start + 3) & ~3)
    }

    /// What a node is called: before version 16 names in the block are whole paths. nil where one is not.
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
