/// A run of bytes of a flattened tree, and what it is.
///
/// libfdt tells neither where padding is nor what a damaged tree holds. The parts do: together they are all of the
/// bytes, once, in their order.
public struct TreePart: Sendable, Hashable {
    /// Offsets from the first byte of the tree.
    public let range: Range<Int>
    public let kind: Kind

    /// What the bytes are.
    public enum Kind: Sendable, Hashable {
        /// A field of the header, by libfdt's name; its value, unless it is cut short.
        case header(String, UInt32?)
        /// An entry of the memory reservation block: its index, address and size.
        case reservation(Int, address: UInt64, size: UInt64)
        /// The entry that ends that block.
        case reservationEnd
        /// The beginning of a node: the range of its name.
        case beginNode(name: Range<Int>)
        case endNode
        /// The beginning of a property: the range of its name, `nil` where that is not there, and the value's size.
        case property(name: Range<Int>?, count: Int)
        /// A property's value, whole or cut short.
        case value(isWhole: Bool)
        case nop
        case end
        /// A name in the strings block: its offset in the block, and whether its NUL is there.
        case string(offset: Int, isTerminated: Bool)
        /// Bytes that only align what follows.
        case alignment
        /// Bytes between the blocks.
        case gap
        /// Bytes within `totalsize` that belong to no block, or that no tag explains.
        case unused(isCutShort: Bool)
        /// Bytes behind `totalsize`.
        case behind
    }

    /// Hands the parts of any bytes to `take`: what cannot be followed is one unused part.
    public static func forEach(in bytes: [UInt8], _ take: (TreePart) -> Void) {
        TreePartReader(bytes: bytes).read(take)
    }
}

/// Follows the blocks and tags of a tree as far as they go.
private struct TreePartReader {
    let bytes: [UInt8]

    private enum Block {
        case reservations
        case structure
        case strings
    }

    func read(_ take: (TreePart) -> Void) {
        var cursor = readHeader(take)
        guard let header = Header(bytes.span.bytes), header.magic == Header.magic else {
            return part(cursor..<bytes.count, .behind, take)
        }
        let total = min(bytes.count, Int(header.totalSize))
        let strings = Int(header.stringsOffset)
        let structure = Int(header.structureOffset)
        let blocks: [(block: Block, start: Int, end: Int)] = [
            (.reservations, Int(header.memoryReservationOffset), total),
            (.structure, structure, header.structureSize.map { structure + Int($0) } ?? total),
            (.strings, strings, header.stringsSize.map { strings + Int($0) } ?? total),
        ].sorted { $0.start < $1.start }
        for (index, block) in blocks.enumerated() {
            // Blocks that overlap cannot be told apart byte by byte.
            guard block.start >= cursor, block.start < total else { continue }
            let next = index + 1 < blocks.count ? blocks[index + 1].start : total
            let end = min(total, block.end, max(next, block.start))
            part(cursor..<block.start, .gap, take)
            switch block.block {
            case .reservations: cursor = readReservations(block.start..<end, take)
            case .structure: cursor = readStructure(block.start..<end, header, take)
            case .strings: cursor = readStrings(block.start..<end, take)
            }
        }
        part(cursor..<max(cursor, total), .unused(isCutShort: total < Int(header.totalSize)), take)
        part(max(cursor, total)..<max(cursor, total, bytes.count), .behind, take)
    }

    private func part(_ range: Range<Int>, _ kind: TreePart.Kind, _ take: (TreePart) -> Void) {
        if !range.isEmpty { take(TreePart(range: range, kind: kind)) }
    }

    private func readHeader(_ take: (TreePart) -> Void) -> Int {
        let names = [
            "magic", "totalsize", "off_dt_struct", "off_dt_strings", "off_mem_rsvmap", "version", "last_comp_version",
            "boot_cpuid_phys", "size_dt_strings", "size_dt_struct",
        ]
        let count = Header(bytes.span.bytes).map { header in
            header.structureSize != nil ? 10 : header.stringsSize != nil ? 9 : header.version >= 2 ? 8 : 7
        } ?? names.count
        var start = 0
        for name in names.prefix(count) where start < bytes.count {
            let end = min(bytes.count, start + 4)
            part(start..<end, .header(name, word(at: start)), take)
            start = end
        }
        return start
    }

    private func readReservations(_ range: Range<Int>, _ take: (TreePart) -> Void) -> Int {
        var start = range.lowerBound
        var index = 0
        while start + 16 <= range.upperBound {
            let address = number(at: start)
            let size = number(at: start + 8)
            let isEnd = size == 0 && address == 0
            part(
                start..<start + 16, isEnd ? .reservationEnd : .reservation(index, address: address, size: size), take)
            start += 16
            index += 1
            if size == 0 { break }
        }
        return start
    }

    private func readStrings(_ range: Range<Int>, _ take: (TreePart) -> Void) -> Int {
        var start = range.lowerBound
        while start < range.upperBound {
            let end = self.end(ofStringAt: start, limit: range.upperBound)
            let isTerminated = end < range.upperBound
            part(
                start..<(isTerminated ? end + 1 : end),
                .string(offset: start - range.lowerBound, isTerminated: isTerminated), take)
            start = isTerminated ? end + 1 : end
        }
        return start
    }

    private func readStructure(_ range: Range<Int>, _ header: Header, _ take: (TreePart) -> Void) -> Int {
        var start = range.lowerBound
        while start + 4 <= range.upperBound, let tag = word(at: start) {
            switch tag {
            case 1:
                let end = self.end(ofStringAt: start + 4, limit: range.upperBound)
                let next = min(range.upperBound, end + 1)
                part(start..<next, .beginNode(name: start + 4..<end), take)
                start = align(next, range, take)
            case 2:
                part(start..<start + 4, .endNode, take)
                start += 4
            case 3:
                guard start + 12 <= range.upperBound, let count = word(at: start + 4),
                    let nameOffset = word(at: start + 8)
                else { return start }
                let name = Int(header.stringsOffset) + Int(nameOffset)
                let nameRange =
                    name < bytes.count ? name..<end(ofStringAt: name, limit: bytes.count) : nil
                part(start..<start + 12, .property(name: nameRange, count: Int(count)), take)
                let value = start + 12
                let end = min(range.upperBound, value + Int(count))
                part(value..<end, .value(isWhole: end - value == Int(count)), take)
                start = align(end, range, take)
            case 4:
                part(start..<start + 4, .nop, take)
                start += 4
            case 9:
                part(start..<start + 4, .end, take)
                return start + 4
            default:
                return start
            }
        }
        return start
    }

    /// Takes the bytes up to the next word of the structure block.
    private func align(_ offset: Int, _ range: Range<Int>, _ take: (TreePart) -> Void) -> Int {
        let end = min(range.upperBound, range.lowerBound + (offset - range.lowerBound + 3) / 4 * 4)
        part(offset..<end, .alignment, take)
        return end
    }

    /// Where the NUL of the string at `offset` is, or `limit`.
    private func end(ofStringAt offset: Int, limit: Int) -> Int {
        bytes[offset..<limit].firstIndex(of: 0) ?? limit
    }

    private func word(at offset: Int) -> UInt32? {
        guard offset >= 0, offset <= bytes.count - 4 else { return nil }
        return bytes[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }

    private func number(at offset: Int) -> UInt64 {
        bytes[offset..<offset + 8].reduce(0) { $0 << 8 | UInt64($1) }
    }
}
