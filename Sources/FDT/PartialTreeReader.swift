/// Reads the bytes of a ``PartialTree`` once, front to back, without recursion.
///
/// Every offset comes from the bytes, so it is checked against their number before use. Sums cannot overflow: they add
/// 32-bit fields in 64-bit integers.
struct PartialTreeReader {
    private(set) var header: Header?
    private(set) var memoryReservations: [MemoryReservation] = []
    private(set) var nodes: [PartialTree.Node] = []
    private(set) var missing: [PartialTree.Missing] = []

    private let bytes: [UInt8]
    /// The offsets of the NULs in the strings block, ascending. They give the ends of names without rereading names.
    private var stringEnds: [Int] = []
    private var strings = 0..<0
    private var stringsAreCut = false
    private var openNodes: [Int] = []

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func read() {
        guard let header = Header(bytes.span.bytes) else {
            report(.header, bytes.count..<Header.size, "\(bytes.count) of its \(Header.size) bytes are present")
            return
        }
        self.header = header
        checkHeader(header)
        readReservations(at: Int(header.memoryReservationOffset))
        findStrings(header)
        readStructure(header)
    }

    // MARK: Header

    /// Checks what every version of `fdt_check_header` checks, and the size of the tree.
    private mutating func checkHeader(_ header: Header) {
        for fault in header.faults(HeaderRules(alignsBlocks: false)) { report(fault.part, fault.range, fault.reason) }
        let total = Int(header.totalSize)
        if total > bytes.count, total <= Int(Int32.max) {
            report(.tree, bytes.count..<total, "\(bytes.count) of its \(total) bytes are present")
        }
    }

    // MARK: Memory reservations

    private mutating func readReservations(at start: Int) {
        var offset = start
        while let entry = MemoryReservation(bytes.span.bytes, at: offset) {
            offset += 16
            if entry.size == 0 { return }
            memoryReservations.append(entry)
        }
        report(
            .memoryReservations, offset..<offset + 16,
            "no terminator: the entry at \(hex(offset)) is not in the \(bytes.count) bytes given")
    }

    // MARK: Strings

    private mutating func findStrings(_ header: Header) {
        let start = Int(header.stringsOffset)
        // As in libfdt: older trees have no size, or one that is ignored.
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

    /// The bytes of the name that begins at an offset; `nil` unless it lies wholly within the strings block.
    private func string(at start: Int) -> ArraySlice<UInt8>? {
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

    /// Why the structure block cannot be followed further.
    private struct Stop: Error {
        /// The bytes that could not be read, as offsets from the start of the tree.
        let range: Range<Int>
        /// What they should be, or what is wrong with them.
        let reason: String
    }

    private mutating func readStructure(_ header: Header) {
        let start = Int(header.structureOffset)
        let declaredEnd = header.structureSize.map { start + Int($0) } ?? max(start, Int(header.totalSize))
        do throws(Stop) {
            try readTokens(header, end: min(declaredEnd, bytes.count))
        } catch {
            let node = openNodes.last.map { nodes.path(of: nodes[$0]) }
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

    private mutating func readTokens(_ header: Header, end: Int) throws(Stop) {
        // Copies the reference, so that the bytes can be read while `self` changes.
        let bytes = bytes
        var tokens = Tokenizer(header, end: end)
        while true {
            let start = tokens.position
            let tag = start..<start + 4
            let token = tokens.next(in: bytes.span.bytes)
            checkPlace(of: token, tag)
            switch token {
            case .beginNode(let name): beginNode(name, at: tag, tokens)
            case .endNode:
                guard let node = openNodes.popLast() else {
                    throw Stop(range: tag, reason: "the end of a node that has not begun")
                }
                nodes[node].hasEnd = true
            case .property(let property): add(property, header, end: end)
            case .nop: break
            case .end:
                guard openNodes.isEmpty else {
                    throw Stop(range: tag, reason: "the tree ends within \(openNodes.count) nodes")
                }
                return
            case nil:
                switch tokens.remainder(in: bytes.span.bytes) {
                case .nothing: throw Stop(range: tag, reason: "the next tag")
                case .unknown(let word): throw Stop(range: tag, reason: "\(hex(word)) is not a tag")
                case .beginNode(let name):
                    beginNode(name, at: tag, tokens)
                    nodes[nodes.count - 1].hasCutName = true
                    throw Stop(range: end..<end + 1, reason: "the end of the node's name")
                case .propertyHeader:
                    throw Stop(range: end..<start + 12, reason: "the length and the name of a property")
                case .property(let property):
                    let name = add(property, header, end: end).map { String(decoding: $0, as: UTF8.self) }
                    throw Stop(
                        range: end..<property.value.upperBound,
                        reason: "the end of the \(property.value.count) bytes of property \(name ?? "without a name")")
                }
            }
        }
    }

    /// Reports tokens outside the root node.
    private mutating func checkPlace(of token: Tokenizer.Token?, _ tag: Range<Int>) {
        guard openNodes.isEmpty, let word = bytes.span.bytes.bigEndianUInt32(at: tag.lowerBound) else { return }
        switch token {
        case .beginNode where nodes.isEmpty: break
        case .end where !nodes.isEmpty: break
        default:
            let place = nodes.isEmpty ? "before" : "after"
            report(.structure, tag, "tag \(hex(word)) at \(hex(tag.lowerBound)) is \(place) the root node")
        }
    }

    private mutating func beginNode(_ range: Range<Int>, at tag: Range<Int>, _ tokens: Tokenizer) {
        let own = tokens.nodeName(range, in: bytes.span.bytes)
        if own == nil { report(.structure, tag, "the name of the node at \(hex(tag.lowerBound)) is not a path") }
        let name = bytes[own ?? range]
        if nodes.isEmpty, !name.isEmpty {
            report(.structure, tag, "the root node at \(hex(tag.lowerBound)) has a name")
        }
        let index = nodes.count
        nodes.append(
            PartialTree.Node(
                index: index, parent: openNodes.last, depth: openNodes.count, offset: tag.lowerBound, nameBytes: name))
        if let parent = openNodes.last { nodes[parent].children.append(index) }
        openNodes.append(index)
    }

    /// - Returns: The name, if present.
    @discardableResult
    private mutating func add(_ property: Tokenizer.Property, _ header: Header, end: Int) -> ArraySlice<UInt8>? {
        let nameOffset = property.nameStart - Int(header.stringsOffset)
        let name = string(at: property.nameStart)
        if name == nil, !stringsAreCut {
            report(
                .strings, property.start + 8..<property.start + 12,
                "the name of the property at \(hex(property.start)) is at \(hex(nameOffset)), where there is no string")
        }
        if let node = openNodes.last {
            let value = property.value
            nodes[node].properties.append(
                PartialTree.Property(
                    nameOffset: UInt32(nameOffset), declaredCount: value.count, nameBytes: name,
                    value: bytes[min(value.lowerBound, end)..<min(value.upperBound, end)]))
        }
        return name
    }

    // MARK: Reports

    private mutating func report(
        _ part: PartialTree.Missing.Part, _ range: Range<Int>, _ reason: String, node: String? = nil
    ) {
        missing.append(PartialTree.Missing(part: part, range: range, node: node, reason: reason))
    }
}
