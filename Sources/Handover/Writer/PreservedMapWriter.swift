import KernelABI

extension MetadataWriter {
    /// Writes the map of preserved memory.
    mutating func writeMap() throws(WriteError) {
        switch state.preserved?.map {
        case nil: throw .incomplete(".preserved")
        case .chunks(let chunks): try write(chunks)
        case .radix(let tree): try write(tree)
        }
    }

    private mutating func write(_ chunks: [BitmapChunkState]) throws(WriteError) {
        let layout = BitmapChunkLayout.layout(pageSize)
        let bitmapLayout = BitmapLayout.layout(pageSize)
        let pointer = layout.bitmaps.layout
        for (index, chunk) in chunks.enumerated() {
            let path = { ".preserved.chunks[\(index)].pa" }
            var bytes = [UInt8](repeating: 0, count: layout.structure.size)
            if index + 1 < chunks.count {
                guard let next = chunks[index + 1].address else { throw .incomplete(path()) }
                layout.header.layout.next.write(next, to: &bytes)
            }
            layout.header.layout.order.write(chunk.order, to: &bytes)
            layout.header.layout.count.write(UInt32(clamping: chunk.bitmaps.count), to: &bytes)
            for (number, bitmap) in chunk.bitmaps.prefix(layout.bitmaps.count).enumerated() {
                let base = layout.bitmaps.offset(of: number)
                guard let address = bitmap.address else { throw .incomplete(path()) }
                pointer.start.write(bitmap.start, to: &bytes, at: base)
                pointer.bitmap.write(address, to: &bytes, at: base)
                try place(
                    page(of: bitmap.bits, bitmapLayout.words, bitmapLayout.structure), at: address, role: .bitmap,
                    form: .structure(bitmapLayout.structure), owner: .order(chunk.order, from: bitmap.start),
                    path: path())
            }
            try place(
                bytes, at: chunk.address, role: .bitmapChunk, form: .structure(layout.structure),
                owner: .order(chunk.order), path: path())
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
                throw .incomplete(".preserved.radix.nodes: the table of level \(level + 1) above key 0x\(String(key, radix: 16))")
            }
            nodeLayout.table[index].write(address, to: &tables[level + 1, default: [:]][parent, default: []])
        }
        for node in tree.nodes { try link(node.address, level: Int(node.level), key: node.key) }
        for leaf in tree.leaves { try link(leaf.address, level: 0, key: leaf.key) }
        for node in tree.nodes {
            try place(
                tables[Int(node.level)]?[node.key] ?? [], at: node.address, role: .radixNode,
                form: .structure(nodeLayout.structure),
                owner: .keys(from: node.key, level: node.level), path: ".preserved.radix.nodes")
        }
        for leaf in tree.leaves {
            try place(
                page(of: leaf.bits, leafLayout.bitmap, leafLayout.structure), at: leaf.address, role: .radixLeaf,
                form: .structure(leafLayout.structure), owner: .keys(from: leaf.key),
                path: ".preserved.radix.leaves")
        }
    }

    private func page(of bits: Bitmap, _ words: ArrayField<UInt64>, _ structure: StructureDescription) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: structure.size)
        for (index, word) in bits.words.prefix(words.count).enumerated() where word != 0 {
            words[index].write(word, to: &bytes)
        }
        return bytes
    }
}
