/// Reads the bytes of a ``PartialTree`` once, front to back, without recursion.
///
/// Every offset is taken from the bytes and so is checked against their number before use. Sums cannot overflow:
/// they are of 32-bit fields in 64-bit integers.
struct PartialTreeReader {
    private(set) var header: Header?
    private(set) var memoryReservations: [MemoryReservation] = []
    private(set) var nodes: [PartialTree.Node] = []
    private(set) var missing: [PartialTree.Missing] = []

    private let bytes: [UInt8]
    /// Where NULs are in the strings block, ascending: the ends of names, found without reading names repeatedly.
    private var stringEnds: [Int] = []
    private var strings = 0..<0
    private var stringsAreCut = false
    private var openNodes: [Int] = []

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func read() {
        guard let header = bytes.withSpan({ Header($0) }) else {
            report(.header, bytes.count..<Header.size, "\(bytes.count) of its \(Header.size) bytes are there")
            return
        }
        self.header = header
        checkHeader(header)
        readReservations(at: Int(header.memoryReservationOffset))
        findStrings(header)
        readStructure(header)
    }

    // MARK: Header

    /// What `fdt_check_header` looks at, and the size of the tree.
    private mutating func checkHeader(_ header: Header) {
        let total = Int(header.totalSize)
        if header.magic != Header.magic {
            report(.header, 0..<4, "magic is \(hex(header.magic)), not \(hex(Header.magic))")
        }
        if header.version < 2 || header.lastCompatibleVersion > 17 || header.version < header.lastCompatibleVersion {
            report(
                .header, 20..<28,
                "version \(header.version), readable as \(header.lastCompatibleVersion), is none that is supported")
        }
        if total < header.size || total > Int(Int32.max) {
            report(.header, 4..<8, "totalsize is \(hex(total))")
        } else if total > bytes.count {
            report(.tree, bytes.count..<total, "\(bytes.count) of its \(total) bytes are there")
        }
        let blocks: [(PartialTree.Missing.Part, offset: UInt32, size: UInt32?)] = [
            (.memoryReservations, header.memoryReservationOffset, nil),
            (.structure, header.structureOffset, header.structureSize),
            (.strings, header.stringsOffset, header.stringsSize),
        ]
        for (part, offset, size) in blocks {
            let start = Int(offset)
            let end = start + Int(size ?? 0)
            if start < header.size || end > total {
                report(
                    part, start..<end,
                    "\(hex(start))..<\(hex(end)) is not between the header's end, \(hex(header.size)), and totalsize, "
                        + hex(total))
            }
        }
    }

    // MARK: Memory reservations

    private mutating func readReservations(at start: Int) {
        var offset = start
        while let address = bytes.withSpan({ $0.integer(UInt64.self, at: offset, .bigEndian) }),
            let size = bytes.withSpan({ $0.integer(UInt64.self, at: offset + 8, .bigEndian) })
        {
            offset += 16
            if size == 0 { return }
            memoryReservations.append(MemoryReservation(address: address, size: size))
        }
        report(
            .memoryReservations, offset..<offset + 16,
            "no terminator: the entry at \(hex(offset)) is not in the \(bytes.count) bytes given")
    }

    // MARK: Strings

    private mutating func findStrings(_ header: Header) {
        let start = Int(header.stringsOffset)
        // As in libfdt: older trees have no size, or one that nobody minds.
        let size = header.version >= 17 ? header.stringsSize : nil
        let end = size.map { start + Int($0) } ?? max(start, Int(header.totalSize))
        strings = min(start, bytes.count)..<min(end, bytes.count)
        for offset in strings where bytes[offset] == 0 { stringEnds.append(offset) }
        if end > bytes.count {
            stringsAreCut = true
            let absent = max(start, bytes.count)..<end
            report(
                .strings, absent, "\(hex(absent.lowerBound))..<\(hex(end)) is not in the \(bytes.count) bytes given")
        }
    }

    /// The bytes of the name at an offset into the strings block, nil if it does not lie there whole.
    private func string(at offset: UInt32) -> ArraySlice<UInt8>? {
        guard let header else { return nil }
        let start = Int(header.stringsOffset) + Int(offset)
        guard strings.contains(start) else { return nil }
        var low = 0
        var high = stringEnds.count
        while low < high {
            let middle = (low + high) / 2
            if stringEnds[middle] < start { low = middle + 1 } else { high = middle }
        }
        return low < stringEnds.count ? bytes[start..<stringEnds[low]] : nil
    }

    // MARK: Structure

    /// Before version 16 names of nodes are paths, and values are aligned to 8 bytes.
    private var isOld: Bool { header.map { $0.version < 16 } ?? false }

    /// Why the structure block cannot be followed further.
    private struct Stop: Error {
        /// The bytes, from the start of the tree, that were to be read and could not be.
        let range: Range<Int>
        /// What they would be, or what is wrong with them.
        let reason: String
    }

    private mutating func readStructure(_ header: Header) {
        let start = Int(header.structureOffset)
        let declaredEnd = header.structureSize.map { start + Int($0) } ?? max(start, Int(header.totalSize))
        do throws(Stop) {
            try readTags(from: start, to: min(declaredEnd, bytes.count))
        } catch {
            let node = openNodes.last.map { path(of: $0) }
            let place = node.map { "in node \($0)" } ?? "outside of any node"
            if declaredEnd > bytes.count, error.range.upperBound > bytes.count {
                let absent = max(start, bytes.count)..<declaredEnd
                report(
                    .structure, absent,
                    "\(hex(absent.lowerBound))..<\(hex(absent.upperBound)) is not in the \(bytes.count) bytes given; "
                        + "it stops \(place), at \(hex(error.range.lowerBound)), before \(error.reason)",
                    node: node)
            } else {
                report(
                    .structure, error.range, "stops \(place), at \(hex(error.range.lowerBound)): \(error.reason)",
                    node: node)
            }
        }
    }

    private mutating func readTags(from start: Int, to end: Int) throws(Stop) {
        var offset = start
        while true {
            let tag = try word(at: offset, before: end, "the next tag")
            if openNodes.isEmpty, nodes.isEmpty, tag != 1 {
                report(.structure, offset..<offset + 4, "tag \(hex(tag)) at \(hex(offset)) stands before the root node")
            } else if openNodes.isEmpty, !nodes.isEmpty, tag != 9 {
                report(.structure, offset..<offset + 4, "tag \(hex(tag)) at \(hex(offset)) stands after the root node")
            }
            switch tag {
            case 1: try beginNode(at: &offset, from: start, to: end)
            case 2:
                guard let node = openNodes.popLast() else {
                    throw Stop(range: offset..<offset + 4, reason: "a node ends that has not begun")
                }
                nodes[node].hasEnd = true
                offset += 4
            case 3: try readProperty(at: &offset, from: start, to: end)
            case 4: offset += 4
            case 9:
                guard openNodes.isEmpty else {
                    throw Stop(range: offset..<offset + 4, reason: "the tree ends within \(openNodes.count) nodes")
                }
                return
            default: throw Stop(range: offset..<offset + 4, reason: "\(hex(tag)) is no tag")
            }
        }
    }

    private mutating func beginNode(at offset: inout Int, from start: Int, to end: Int) throws(Stop) {
        let nameStart = offset + 4
        let nameEnd = bytes[nameStart..<end].firstIndex(of: 0)
        var name = bytes[nameStart..<(nameEnd ?? end)]
        if isOld {
            // The name is a whole path; the node's own name is its last part.
            if let slash = name.lastIndex(of: UInt8(ascii: "/")) {
                name = name[(slash + 1)...]
            } else {
                report(.structure, offset..<nameStart, "the name of the node at \(hex(offset)) is no path")
            }
        }
        if nodes.isEmpty, !name.isEmpty {
            report(.structure, offset..<nameStart, "the root node at \(hex(offset)) has a name")
        }
        let index = nodes.count
        nodes.append(
            PartialTree.Node(
                index: index, parent: openNodes.last, depth: openNodes.count, structureOffset: offset - start,
                nameBytes: name))
        if let parent = openNodes.last { nodes[parent].children.append(index) }
        openNodes.append(index)
        guard let nameEnd else { throw Stop(range: end..<end + 1, reason: "the end of the node's name") }
        offset = start + (nameEnd + 1 - start + 3) / 4 * 4
    }

    private mutating func readProperty(at offset: inout Int, from start: Int, to end: Int) throws(Stop) {
        let count = Int(try word(at: offset + 4, before: end, "the length of a property"))
        let nameOffset = try word(at: offset + 8, before: end, "the name of a property")
        // Old trees align values of 8 bytes and more to 8 bytes of the block.
        let padding = isOld && count >= 8 && (offset + 12 - start) % 8 != 0 ? 4 : 0
        let valueStart = offset + 12 + padding
        let valueEnd = valueStart + count
        let name = string(at: nameOffset)
        if name == nil, !stringsAreCut {
            report(
                .strings, offset + 8..<offset + 12,
                "the name of the property at \(hex(offset)) is at \(hex(nameOffset)), where no string is")
        }
        if let node = openNodes.last {
            nodes[node].properties.append(
                PartialTree.Property(
                    structureOffset: offset - start, nameOffset: nameOffset, declaredCount: count, nameBytes: name,
                    value: bytes[min(valueStart, end)..<min(valueEnd, end)]))
        }
        guard valueEnd <= end else {
            let label = name.map { String(decoding: $0, as: UTF8.self) } ?? "without a name"
            throw Stop(
                range: end..<valueEnd, reason: "the end of the \(count) bytes of property \(label)")
        }
        offset = start + (valueEnd - start + 3) / 4 * 4
    }

    private func word(at offset: Int, before end: Int, _ what: String) throws(Stop) -> UInt32 {
        guard offset <= end - 4, let word = bytes.withSpan({ $0.bigEndianUInt32(at: offset) }) else {
            throw Stop(range: offset..<offset + 4, reason: what)
        }
        return word
    }

    private func path(of index: Int) -> String {
        var names: [String] = []
        var next = index
        while let parent = nodes[next].parent {
            names.append(nodes[next].name)
            next = parent
        }
        return "/" + names.reversed().joined(separator: "/")
    }

    // MARK: Reports

    private mutating func report(
        _ part: PartialTree.Missing.Part, _ range: Range<Int>, _ reason: String, node: String? = nil
    ) {
        missing.append(PartialTree.Missing(part: part, range: range, node: node, reason: reason))
    }
}

private func hex(_ value: some BinaryInteger) -> String { "0x" + String(value, radix: 16) }

extension [UInt8] {
    fileprivate func withSpan<R>(_ body: (RawSpan) -> R) -> R { body(span.bytes) }
}
