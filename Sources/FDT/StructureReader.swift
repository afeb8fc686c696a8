/// Reads the tags of a structure block, one after the other, as `fdt_next_tag` does, but at the cost of a load and a
/// comparison each: libfdt checks the header anew for every byte of a name.
///
/// Any bytes may be given, if they are the same ones in every call: it ends where a tag is not whole or not known.
/// Whether a tree is one is for libfdt to judge (``Storage/verdict()``).
struct StructureReader: Sendable {
    /// A tag; ranges and offsets are from the start of the tree.
    enum Tag {
        case beginNode(name: Range<Int>)
        case endNode
        /// The name is the string at the offset.
        case property(nameStart: Int, value: Range<Int>)
        /// A property that claims more bytes than any tree has.
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

    init(_ header: Header) {
        start = Int(header.structureOffset)
        end = min(Int(header.totalSize), header.structureSize.map { Int(header.structureOffset) + Int($0) } ?? .max)
        stringsStart = Int(header.stringsOffset)
        isOld = header.version < 16
        offset = start
    }

    /// The next tag, nil where there is none.
    mutating func next(in bytes: RawSpan) -> Tag? {
        let end = min(self.end, bytes.byteCount)
        guard offset <= end - 4, let tag = bytes.bigEndianUInt32(at: offset) else { return nil }
        switch tag {
        case 1:
            let name = offset + 4
            guard let nameEnd = bytes.firstNUL(from: name, to: end) else { return nil }
            skip(to: nameEnd + 1)
            return .beginNode(name: name..<nameEnd)
        case 2:
            offset += 4
            return .endNode
        case 3:
            guard offset <= end - 12, let count = bytes.bigEndianUInt32(at: offset + 4),
                let name = bytes.bigEndianUInt32(at: offset + 8)
            else { return nil }
            guard count <= Int32.max else { return .endlessProperty }
            // Before version 16 values of 8 bytes and more are aligned to 8 bytes of the block.
            let padding = isOld && count >= 8 && (offset + 12 - start) % 8 != 0 ? 4 : 0
            let value = offset + 12 + padding
            let valueEnd = value + Int(count)
            guard valueEnd <= end else { return nil }
            skip(to: valueEnd)
            return .property(nameStart: stringsStart + Int(name), value: value..<valueEnd)
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
