/// A run of bytes of a flattened tree, and what it is.
///
/// libfdt reports neither padding nor the contents of a damaged tree. Parts do: together they cover all bytes, each
/// once and in order.
public struct TreePart: Sendable, Hashable {
    /// Offsets from the first byte of the tree.
    public let range: Range<Int>
    public let kind: Kind

    /// What the bytes are.
    public enum Kind: Sendable, Hashable {
        /// A header field, by libfdt's name, and its value unless it is cut short.
        case header(String, UInt32?)
        /// An entry of the memory reservation block: its index, address and size.
        case reservation(Int, address: UInt64, size: UInt64)
        /// The entry that ends the memory reservation block.
        case reservationEnd
        /// The beginning of a node: the range of its name.
        case beginNode(name: Range<Int>)
        case endNode
        /// The beginning of a property: the offset of its name and the size of its value.
        case property(nameStart: Int, count: Int)
        /// A property value, complete or cut short.
        case value(isWhole: Bool)
        case nop
        case end
        /// A name in the strings block: its offset in the block, and whether it is terminated.
        case string(offset: Int, isTerminated: Bool)
        /// Padding that aligns what follows.
        case alignment
        /// Bytes between the blocks.
        case gap
        /// Bytes within `totalsize` that belong to no block or token.
        case unused(isCutShort: Bool)
        /// Bytes after `totalsize`.
        case behind
    }

    /// Passes the parts of any bytes to `take`. What cannot be parsed becomes one unused part.
    public static func forEach(in bytes: RawSpan, _ take: (TreePart) -> Void) {
        TreePartReader().read(bytes, take)
    }
}

/// Follows the blocks and tokens of a tree as far as possible.
private struct TreePartReader {
    typealias Taker = (TreePart) -> Void

    private enum Block {
        case reservations
        case structure
        case strings
    }

    func read(_ bytes: RawSpan, _ take: Taker) {
        var cursor = readHeader(bytes, take)
        guard let header = Header(bytes), header.magic == Header.magic else {
            return part(cursor..<bytes.byteCount, .behind, take)
        }
        let total = min(bytes.byteCount, Int(header.totalSize))
        let strings = Int(header.stringsOffset)
        let structure = Int(header.structureOffset)
        let blocks: [(block: Block, start: Int, end: Int)] = [
            (.reservations, Int(header.memoryReservationOffset), total),
            (.structure, structure, header.structureSize.map { structure + Int($0) } ?? total),
            (.strings, strings, header.stringsSize.map { strings + Int($0) } ?? total),
        ].sorted { $0.start < $1.start }
        for (index, block) in blocks.enumerated() {
            // Overlapping blocks cannot be told apart byte by byte.
            guard block.start >= cursor, block.start < total else { continue }
            let next = index + 1 < blocks.count ? blocks[index + 1].start : total
            let end = min(total, block.end, max(next, block.start))
            part(cursor..<block.start, .gap, take)
            switch block.block {
            case .reservations: cursor = readReservations(block.start..<end, bytes, take)
            case .structure: cursor = readStructure(header, end: end, bytes, take)
            case .strings: cursor = readStrings(block.start..<end, bytes, take)
            }
        }
        part(cursor..<max(cursor, total), .unused(isCutShort: total < Int(header.totalSize)), take)
        part(max(cursor, total)..<max(cursor, total, bytes.byteCount), .behind, take)
    }

    private func part(_ range: Range<Int>, _ kind: TreePart.Kind, _ take: Taker) {
        if !range.isEmpty { take(TreePart(range: range, kind: kind)) }
    }

    private func readHeader(_ bytes: RawSpan, _ take: Taker) -> Int {
        var start = 0
        for name in Header.fields(in: bytes) where start < bytes.byteCount {
            let end = min(bytes.byteCount, start + 4)
            part(start..<end, .header(name, bytes.bigEndianUInt32(at: start)), take)
            start = end
        }
        return start
    }

    private func readReservations(_ range: Range<Int>, _ bytes: RawSpan, _ take: Taker) -> Int {
        var start = range.lowerBound
        var index = 0
        while start + 16 <= range.upperBound, let entry = MemoryReservation(bytes, at: start) {
            let isEnd = entry.size == 0 && entry.address == 0
            part(
                start..<start + 16,
                isEnd ? .reservationEnd : .reservation(index, address: entry.address, size: entry.size), take)
            start += 16
            index += 1
            if entry.size == 0 { break }
        }
        return start
    }

    private func readStrings(_ range: Range<Int>, _ bytes: RawSpan, _ take: Taker) -> Int {
        var start = range.lowerBound
        while start < range.upperBound {
            let nul = bytes.firstNUL(from: start, to: range.upperBound)
            let end = nul.map { $0 + 1 } ?? range.upperBound
            part(start..<end, .string(offset: start - range.lowerBound, isTerminated: nul != nil), take)
            start = end
        }
        return start
    }

    private func readStructure(_ header: Header, end: Int, _ bytes: RawSpan, _ take: Taker) -> Int {
        var tokens = Tokenizer(header, end: end)
        while true {
            let start = tokens.position
            let token = tokens.next(in: bytes)
            // If the bytes end here, so does the alignment of the last token.
            let next = min(tokens.position, end)
            switch token {
            case .beginNode(let name):
                part(start..<name.upperBound + 1, .beginNode(name: name), take)
                part(name.upperBound + 1..<next, .alignment, take)
            case .endNode: part(start..<next, .endNode, take)
            case .property(let property):
                readProperty(property, end: end, take)
                part(property.value.upperBound..<next, .alignment, take)
            case .nop: part(start..<next, .nop, take)
            case .end:
                part(start..<next, .end, take)
                return next
            case nil:
                switch tokens.remainder(in: bytes) {
                case .nothing, .unknown, .propertyHeader: return min(start, end)
                case .beginNode(let name): part(start..<end, .beginNode(name: name), take)
                case .property(let property): readProperty(property, end: end, take)
                }
                return end
            }
        }
    }

    /// Takes the bytes of a property up to the end of its value or of the bytes.
    private func readProperty(_ property: Tokenizer.Property, end: Int, _ take: Taker) {
        let value = property.value
        let valueStart = min(value.lowerBound, end)
        part(
            property.start..<property.start + 12, .property(nameStart: property.nameStart, count: value.count), take)
        part(property.start + 12..<valueStart, .alignment, take)
        part(valueStart..<min(value.upperBound, end), .value(isWhole: value.upperBound <= end), take)
    }
}
