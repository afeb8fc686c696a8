extension FlattenedTree {
    /// A step of a scan: names and values as bytes, valid only during the call.
    public enum ScanStep: ~Escapable {
        /// A node begins; `depth` is 0 for the root. The name includes the unit address, and is empty for the root.
        case beginNode(name: RawSpan, depth: Int)
        /// A property of the current node.
        case property(name: RawSpan, value: RawSpan)
        /// The current node ends.
        case endNode
        /// A no-op tag, left behind by `fdt_nop_property` or `fdt_nop_node`.
        case nop
    }

    /// Passes everything in the tree to `body`, once and in order.
    ///
    /// Takes one step per tag, whatever the shape of the tree. Prefer it to ``Node/children`` for whole trees, which
    /// finds the next child by reading over everything below the current one.
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
    /// The name of the first property that a node has twice. libfdt, and so the kernel, finds only one of them.
    public var repeatedProperty: String? {
        withBytes { bytes in
            var tokens = Tokenizer(header, count: bytes.byteCount)
            /// The name offsets of the current node's properties; equal names have equal offsets.
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

/// The ends of property names. Properties share few names, so the last ones are cached.
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
