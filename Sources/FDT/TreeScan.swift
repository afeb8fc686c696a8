extension FlattenedTree {
    /// What a scan encounters: names and values as bytes, valid during the call alone.
    public enum ScanStep: ~Escapable {
        /// A node begins; `depth` is 0 for the root. The name has its unit address, and is empty for the root.
        case beginNode(name: RawSpan, depth: Int)
        /// A property of the node that was begun last and has not ended.
        case property(name: RawSpan, value: RawSpan)
        /// The node that was begun last and has not ended ends.
        case endNode
        /// A word without meaning, left behind by `fdt_nop_property` or `fdt_nop_node`.
        case nop
    }

    /// Hands everything in the tree to `body`, once, in its order.
    ///
    /// One step a tag, whatever the shape of the tree: to be preferred to ``Node/children`` for whole trees, which look
    /// for the next child by reading over all that is below this one.
    public func scan(_ body: (ScanStep) -> Void) {
        withBytes { bytes in
            var tokens = Tokenizer(header, count: bytes.byteCount)
            var names = NameEnds()
            var depth = 0
            while let token = tokens.next(in: bytes) {
                switch token {
                case .beginNode(let name):
                    let name = tokens.nodeName(name, in: bytes) ?? name
                    body(.beginNode(name: bytes.extracting(name), depth: depth))
                    depth += 1
                case .property(let property):
                    guard let nameEnd = names.end(ofNameAt: property.nameStart, in: bytes) else { return }
                    let name = bytes.extracting(property.nameStart..<nameEnd)
                    body(.property(name: name, value: bytes.extracting(property.value)))
                case .endNode:
                    depth -= 1
                    body(.endNode)
                case .nop:
                    body(.nop)
                case .end:
                    return
                }
            }
        }
    }
}

extension FlattenedTree {
    /// The name of the first property that a node has twice: libfdt finds one of them, and so does the kernel.
    public var repeatedProperty: String? {
        withBytes { bytes in
            var tokens = Tokenizer(header, count: bytes.byteCount)
            /// Where the names are of the properties of the node that was begun last: the same one for the same name.
            var starts: [Int] = []
            while let token = tokens.next(in: bytes) {
                switch token {
                case .beginNode, .endNode:
                    starts.sort()
                    if let index = starts.indices.dropFirst().first(where: { starts[$0] == starts[$0 - 1] }) {
                        let end = bytes.firstNUL(from: starts[index], to: bytes.byteCount) ?? bytes.byteCount
                        return bytes.extracting(starts[index]..<end).string
                    }
                    starts.removeAll(keepingCapacity: true)
                case .property(let property): starts.append(property.nameStart)
                case .nop: continue
                case .end: return nil
                }
            }
            return nil
        }
    }
}

/// Where names of properties end. Properties share few names, so the last ones are remembered.
private struct NameEnds {
    private var starts = InlineArray<16, Int>(repeating: -1)
    private var ends = InlineArray<16, Int>(repeating: 0)

    mutating func end(ofNameAt start: Int, in bytes: RawSpan) -> Int? {
        let place = start & 15
        if starts[place] == start { return ends[place] }
        guard let end = bytes.firstNUL(from: start, to: bytes.byteCount) else { return nil }
        starts[place] = start
        ends[place] = end
        return end
    }
}
