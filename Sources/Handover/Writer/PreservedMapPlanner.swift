import KernelABI

extension HandoverPlanner {
    /// Reports what the pages of a given map cannot hold, and what no kernel accepts.
    mutating func checkMap(_ map: PreservedState.Map?) {
        switch map {
        case nil: break
        case .chunks(let chunks): check(chunks, .root["preserved"]["chunks"])
        case .radix(let tree): check(tree, .root["preserved"]["radix"])
        }
    }

    private mutating func check(_ chunks: [BitmapChunkState], _ path: DocumentPath) {
        let capacity = BitmapChunkLayout.layout(pageSize).bitmaps.count
        let orders = 64 - pageSize.shift
        for (index, chunk) in chunks.enumerated() {
            let path = path[index]
            if chunk.bitmaps.count > capacity {
                reportUnbuildable(path["bitmaps"], "\(chunk.bitmaps.count) bitmaps; a chunk holds \(capacity)")
            }
            if chunk.order >= orders {
                reportForceable(path["order"], "\(chunk.order); an order must be less than \(orders)")
            }
            for (place, bitmap) in chunk.bitmaps.enumerated() {
                let path = path["bitmaps"][place]
                checkBits(bitmap.bits, path)
                let start = bitmap.start
                if chunk.order < orders, start.rawValue.trailingZeroBitCount < pageSize.shift + Int(chunk.order) {
                    reportForceable(path["start"], "\(start) is not the address of a block of order \(chunk.order)")
                }
            }
        }
    }

    private mutating func check(_ tree: RadixTreeState, _ path: DocumentPath) {
        let geometry = RadixGeometry(pageSize: pageSize)
        /// The keys of each level; level 0 is that of the leaves.
        var keys: [Set<UInt64>] = Array(repeating: [], count: geometry.depth)
        for (index, node) in tree.nodes.enumerated() {
            let path = path["nodes"][index]
            guard (1..<geometry.depth).contains(Int(node.level)) else {
                reportUnbuildable(path["level"], "\(node.level); tables have the levels 1 to \(geometry.depth - 1)")
                continue
            }
            checkKey(node.key, level: Int(node.level), geometry, &keys, path["key"])
        }
        for (index, leaf) in tree.leaves.enumerated() {
            let path = path["leaves"][index]
            checkKey(leaf.key, level: 0, geometry, &keys, path["key"])
            checkBits(leaf.bits, path)
            if leaf.key >> UInt64(geometry.keyWidth) != 0 {
                reportForceable(path["key"], "\(leaf.key.prefixedHex); a key has \(geometry.keyWidth) bits")
            }
        }
    }

    private mutating func checkKey(
        _ key: UInt64, level: Int, _ geometry: RadixGeometry, _ keys: inout [Set<UInt64>],
        _ path: @autoclosure () -> DocumentPath
    ) {
        let first = geometry.prefix(of: key, level: level)
        if first != key {
            reportUnbuildable(
                path(),
                "\(key.prefixedHex) is in the page of level \(level) whose first key is \(first.prefixedHex)")
        } else if !keys[level].insert(key).inserted {
            reportUnbuildable(path(), "\(key.prefixedHex) is already the key of a page of level \(level)")
        } else if level + 1 < geometry.depth,
            !keys[level + 1].contains(geometry.prefix(of: key, level: level + 1))
        {
            reportUnbuildable(path(), "no table of level \(level + 1) before it refers to \(key.prefixedHex)")
        }
    }

    /// Reports bits that do not fit in a bitmap of one page.
    private mutating func checkBits(_ bits: Bitmap, _ path: @autoclosure () -> DocumentPath) {
        let count = pageSize.bytes * 8
        if let last = bits.last, last >= count {
            reportUnbuildable(path()["bits"], "bit \(last); a page has \(count) bits")
        }
    }

    /// Visits the pages of a given map, the root first.
    mutating func visitMap<Visitor: AllocationVisitor>(of state: inout HandoverState, _ visitor: inout Visitor) {
        guard let map = state.preserved?.map else { return }
        let path = DocumentPath.root["preserved"]
        switch (map, generation.preservedMap) {
        case (.chunks(var chunks), .chunkedBitmaps(let size)):
            let bitmap = Allocation.bitmap(size.bytes(pageSize: pageSize))
            let path = path["chunks"]
            if !chunks.isEmpty { takeRoot(&chunks[0].address, state.kho?.preservedMemoryMap, path[0]["pa"]) }
            for index in chunks.indices {
                visitor.visit(&chunks[index].address, .mapPage(pageSize), path[index]["pa"], by: &self)
                if size == .page { visitBitmaps(of: index) }
            }
            // The kernel packs small bitmaps, from kzalloc, into separate pages.
            if size != .page { chunks.indices.forEach(visitBitmaps(of:)) }
            func visitBitmaps(of index: Int) {
                for place in chunks[index].bitmaps.indices {
                    visitor.visit(
                        &chunks[index].bitmaps[place].address, bitmap,
                        path[index]["bitmaps"][place]["pa"], by: &self)
                }
            }
            state.preserved?.map = .chunks(chunks)
            if state.kho?.preservedMemoryMap == nil { state.kho?.preservedMemoryMap = chunks.first?.address }
        case (.radix(var tree), .radixTree):
            let path = path["radix"]
            if !tree.nodes.isEmpty {
                takeRoot(&tree.nodes[0].address, state.kho?.preservedMemoryMap, path["nodes"][0]["pa"])
            }
            for index in tree.nodes.indices {
                visitor.visit(&tree.nodes[index].address, .mapPage(pageSize), path["nodes"][index]["pa"], by: &self)
            }
            for index in tree.leaves.indices {
                visitor.visit(&tree.leaves[index].address, .mapPage(pageSize), path["leaves"][index]["pa"], by: &self)
            }
            state.preserved?.map = .radix(tree)
            if state.kho?.preservedMemoryMap == nil { state.kho?.preservedMemoryMap = tree.nodes.first?.address }
        default:
            reportUnbuildable(path, "kernel \(generation.name) has no map of this form; omit it to generate one")
        }
    }

    /// The address of the map's first page is in two places of a document.
    private mutating func takeRoot(
        _ address: inout PhysicalAddress?, _ given: PhysicalAddress?, _ path: DocumentPath
    ) {
        if let address, let given, address != given {
            reportForceable(path, "\(address), but kho.preserved_memory_map is \(given)")
        }
        address = address ?? given
    }

    /// Creates the map of the preserved blocks, or checks a given one against its summary.
    mutating func completeMap(_ state: inout HandoverState, _ blocks: [PageBlock]) {
        var preserved = state.preserved ?? PreservedState()
        if preserved.map != nil {
            let stated = preserved
            preserved.summarize(pageSize: pageSize)
            let path = DocumentPath.root["preserved"]
            if let ranges = stated.ranges, ranges != preserved.ranges {
                reportForceable(
                    path["ranges"], "they do not match the map's bits; remove them, or the map's pages")
            }
            if let pages = stated.pages, pages != preserved.pages {
                reportForceable(path["pages"], "\(pages), but the map's bits say \(preserved.pages ?? 0)")
            }
            if let bytes = stated.bytes, bytes != preserved.bytes {
                reportForceable(path["bytes"], "\(bytes), but the map's bits say \(preserved.bytes ?? 0)")
            }
            if let orders = stated.blocksByOrder, orders != preserved.blocksByOrder {
                reportForceable(path["by_order"], "it does not match the map's bits")
            }
        } else {
            let all = blocks + extraBlocks(preserved.ranges ?? [], besides: blocks)
            switch generation.preservedMap {
            case .chunkedBitmaps(let size):
                preserved.map = .chunks(chunks(of: all, bitCount: size.bytes(pageSize: pageSize) * 8))
            case .radixTree: preserved.map = .radix(tree(of: all))
            }
            preserved.summarize(pageSize: pageSize)
        }
        state.preserved = preserved
        var assigner = AddressAssigner()
        visitMap(of: &state, &assigner)
    }

    /// The blocks of memory to preserve in addition to the handover's own.
    private mutating func extraBlocks(
        _ ranges: [Range<PhysicalAddress>], besides blocks: [PageBlock]
    ) -> [PageBlock] {
        guard !ranges.isEmpty else { return [] }
        let shift = UInt64(pageSize.shift)
        let owned = blocks.map { block -> Range<UInt64> in
            let first = block.address.rawValue >> shift
            return first..<first + (1 << UInt64(block.order))
        }.sorted { $0.lowerBound < $1.lowerBound }
        var result: [PageBlock] = []
        for (index, range) in ranges.enumerated() {
            if !pageSize.isAligned(range.lowerBound) || !pageSize.isAligned(range.upperBound) {
                reportForceable(.root["preserved"]["ranges"][index], "only whole pages can be preserved")
            }
            var start = range.lowerBound.rawValue >> shift
            let end = range.upperBound.rawValue >> shift
            var next = owned.partitioningIndex { $0.upperBound > start }
            while start < end {
                let stop = next < owned.count ? min(end, max(start, owned[next].lowerBound)) : end
                if start < stop { result += PageBlock.blocks(covering: start..<stop, pageSize: pageSize) }
                guard next < owned.count else { break }
                start = max(stop, owned[next].upperBound)
                next += 1
            }
        }
        return result
    }

    private func chunks(of blocks: [PageBlock], bitCount: Int) -> [BitmapChunkState] {
        let bits = UInt64(bitCount)
        var bitmaps: [Int: [UInt64: Bitmap]] = [:]
        for block in blocks {
            let number = block.address.rawValue >> UInt64(pageSize.shift + block.order)
            bitmaps[block.order, default: [:]][number / bits, default: Bitmap()].insert(Int(number % bits))
        }
        let capacity = BitmapChunkLayout.layout(pageSize).bitmaps.count
        var chunks: [BitmapChunkState] = []
        for (order, pages) in bitmaps.sorted(by: { $0.key < $1.key }) {
            var chunk = BitmapChunkState()
            chunk.order = UInt32(order)
            for (number, bitmap) in pages.sorted(by: { $0.key < $1.key }) {
                if chunk.bitmaps.count == capacity {
                    chunks.append(chunk)
                    chunk.bitmaps = []
                }
                var state = BitmapChunkState.BitmapState()
                state.start = PhysicalAddress((number * bits) << UInt64(pageSize.shift + order))
                state.bits = bitmap
                chunk.bitmaps.append(state)
            }
            chunks.append(chunk)
        }
        return chunks
    }

    private func tree(of blocks: [PageBlock]) -> RadixTreeState {
        let geometry = RadixGeometry(pageSize: pageSize)
        var bitmaps: [UInt64: Bitmap] = [:]
        for block in blocks {
            let key = geometry.key(of: block)
            bitmaps[geometry.prefix(of: key, level: 0), default: Bitmap()].insert(geometry.bitIndex(of: key))
        }
        var tree = RadixTreeState()
        var open: [UInt64?] = Array(repeating: nil, count: geometry.depth)
        for (key, bits) in bitmaps.sorted(by: { $0.key < $1.key }) {
            for level in (1..<geometry.depth).reversed() {
                let prefix = geometry.prefix(of: key, level: level)
                guard open[level] != prefix else { continue }
                open[level] = prefix
                tree.nodes.append(RadixTreeState.Node(address: nil, level: UInt8(level), key: prefix))
            }
            tree.leaves.append(RadixTreeState.Leaf(address: nil, key: key, bits: bits))
        }
        if tree.nodes.isEmpty {
            tree.nodes = [RadixTreeState.Node(address: nil, level: UInt8(geometry.depth - 1), key: 0)]
        }
        return tree
    }
}
