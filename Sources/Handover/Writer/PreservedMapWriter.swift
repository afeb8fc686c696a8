import KernelABI

extension ImageWriter {
    /// Writes the map of preserved memory.
    mutating func writeMap() throws(WriteError) {
        switch state.preserved?.map {
        case nil: throw .incomplete(".preserved")
        case .chunks(let chunks):
            guard case .chunkedBitmaps(let size) = generation.preservedMap else { throw .incomplete(".preserved") }
            try write(chunks, BitmapLayout(byteCount: size.bytes(pageSize: pageSize)))
        case .radix(let tree): try write(tree)
        }
    }

    private mutating func write(
        _ chunks: [BitmapChunkState], _ bitmapLayout: BitmapLayout
    ) throws(WriteError) {
        let layout = BitmapChunkLayout.layout(pageSize)
        let pointer = layout.bitmaps.layout
        for (index, chunk) in chunks.enumerated() {
            let path = { ".preserved.chunks[\(index)].pa" }
            let bitmaps = chunk.bitmaps.prefix(layout.bitmaps.count)
            for bitmap in bitmaps {
                try place(
                    bitmapLayout.structure.size, at: bitmap.address, role: .bitmap,
                    form: .structure(bitmapLayout.structure), owner: .order(chunk.order, from: bitmap.start),
                    path: path()
                ) { Self.write(bitmap.bits, in: bitmapLayout.words, to: &$0) }
            }
            try place(
                layout.structure.size, at: chunk.address, role: .bitmapChunk, form: .structure(layout.structure),
                owner: .order(chunk.order), path: path()
            ) { (bytes) throws(WriteError) in
                if index + 1 < chunks.count {
                    guard let next = chunks[index + 1].address else { throw .incomplete(path()) }
                    layout.header.layout.next.write(next, to: &bytes)
                }
                layout.header.layout.order.write(chunk.order, to: &bytes)
                layout.header.layout.count.write(UInt32(clamping: chunk.bitmaps.count), to: &bytes)
                for (number, bitmap) in bitmaps.enumerated() {
                    let base = layout.bitmaps.offset(of: number)
                    guard let address = bitmap.address else { throw .incomplete(path()) }
                    pointer.start.write(bitmap.start, to: &bytes, at: base)
                    pointer.bitmap.write(address, to: &bytes, at: base)
                }
            }
        }
    }

    private mutating func write(_ tree: RadixTreeState) throws(WriteError) {
        let geometry = RadixGeometry(pageSize: pageSize)
        let nodeLayout = RadixNodeLayout.layout(pageSize)
        let leafLayout = RadixLeafLayout.layout(pageSize)
        /// The address of each node and leaf, by level and key.
        var tables: [Int: [UInt64: [UInt8]]] = [:]
        for node in tree.nodes {
            tables[Int(node.level), default: [:]][node.key] = [UInt8](repeating: 0, count: nodeLayout.structure.size)
        }
        func link(_ address: PhysicalAddress?, level: Int, key: UInt64) throws(WriteError) {
            guard level + 1 < geometry.depth else { return }
            guard let address else { throw .incomplete(".preserved.radix") }
            let index = geometry.tableIndex(of: key, level: level + 1)
            let parent = geometry.prefix(of: key, level: level + 1)
            guard tables[level + 1]?[parent] != nil else {
                throw .incomplete(
                    ".preserved.radix.nodes: the table of level \(level + 1) above key \(key.prefixedHex)")
            }
            nodeLayout.table[index].write(address, to: &tables[level + 1, default: [:]][parent, default: []])
        }
        for node in tree.nodes { try link(node.address, level: Int(node.level), key: node.key) }
        for leaf in tree.leaves { try link(leaf.address, level: 0, key: leaf.key) }
        for node in tree.nodes {
            let table = tables[Int(node.level)]?[node.key] ?? []
            try place(
                table.count, at: node.address, role: .radixNode, form: .structure(nodeLayout.structure),
                owner: .keys(from: node.key, level: node.level), path: ".preserved.radix.nodes"
            ) { $0 = table }
        }
        for leaf in tree.leaves {
            try place(
                leafLayout.structure.size, at: leaf.address, role: .radixLeaf, form: .structure(leafLayout.structure),
                owner: .keys(from: leaf.key), path: ".preserved.radix.leaves"
            ) { Self.write(leaf.bits, in: leafLayout.bitmap, to: &$0) }
        }
    }

    private static func write(_ bits: Bitmap, in words: ArrayField<UInt64>, to bytes: inout [UInt8]) {
        for (index, word) in bits.words.prefix(words.count).enumerated() where word != 0 {
            words[index].write(word, to: &bytes)
        }
    }
}
