import KernelABI

/// Reads the map of preserved memory, in either of its forms.
struct PreservedMapReader {
    let context: ReadingContext
    let form: Generation.PreservedMapForm

    func read(at address: PhysicalAddress, _ log: inout ReadingLog) -> PreservedState? {
        var state = PreservedState()
        switch form {
        case .chunkedBitmaps(let size):
            state.map = readChunks(at: address, of: size, &log).map(PreservedState.Map.chunks)
        case .radixTree: state.map = readTree(at: address, &log).map(PreservedState.Map.radix)
        }
        guard state.map != nil else { return nil }
        state.summarize(pageSize: context.pageSize)
        return state
    }

    /// The number of contradictions between the bitmap pointers of a map at `address` and the form; does not read the
    /// bitmaps.
    func misfits(at address: PhysicalAddress) -> Int {
        guard case .chunkedBitmaps(let size) = form else { return 0 }
        var log = ReadingLog(context: context)
        _ = readChunks(at: address, of: size, bits: false, &log)
        return log.findings.count
    }

    /// Reads a page of bits. `scratch` is a buffer for ``Bitmap``.
    private func readBitmap(
        _ bytes: RawSpan, _ words: ArrayField<UInt64>, _ scratch: inout [Range<UInt32>]
    ) -> Bitmap {
        let page = bytes.extracting(words.offset..<words.offset + words.count * 8)
        var count = words.count
        while count > 0, page.littleEndian(at: (count - 1) * 8, as: UInt64.self) == 0 { count -= 1 }
        return Bitmap(wordCount: count, scratch: &scratch) { page.littleEndian(at: $0 &* 8) }
    }

    // MARK: - Chunked bitmaps

    /// - Parameter bits: Whether to read the bitmaps, too, rather than only their pointers in the chunks.
    private func readChunks(
        at first: PhysicalAddress, of size: Generation.BitmapSize, bits: Bool = true, _ log: inout ReadingLog
    ) -> [BitmapChunkState]? {
        let bitmapLayout = BitmapLayout(byteCount: size.bytes(pageSize: context.pageSize))
        let layout = BitmapChunkLayout.layout(context.pageSize)
        let name = layout.structure.name
        let header = layout.header.layout
        let pointer = layout.bitmaps.layout
        var chunks: [BitmapChunkState] = []
        var scratch: [Range<UInt32>] = []
        var next = first
        while next.rawValue != 0 {
            let address = next
            guard context.isAligned(address, name, of: .map, &log),
                log.visit(address, as: .bitmapChunk, structure: name, of: .map)
            else { break }
            var count: UInt32 = 0
            let read = context.read(name, of: .map, at: address, count: context.pageSize.bytes, &log) { bytes in
                var chunk = BitmapChunkState()
                chunk.address = address
                chunk.order = header.order.read(bytes)
                count = header.count.read(bytes)
                for index in 0..<min(Int(count), layout.bitmaps.count) {
                    let base = layout.bitmaps.offset(of: index)
                    var bitmap = BitmapChunkState.BitmapState()
                    bitmap.start = pointer.start.read(bytes, at: base)
                    bitmap.address = pointer.bitmap.read(bytes, at: base)
                    chunk.bitmaps.append(bitmap)
                }
                next = header.next.read(bytes)
                return chunk
            }
            guard var chunk = read else { break }
            let place = Place(layout.structure, at: address).field(layout.header)
            log.add(
                .bitmapChunk, .structure(layout.structure), at: address, context.pageSize.bytes,
                of: .order(chunk.order))
            if count > UInt32(layout.bitmaps.count) {
                log.report(
                    .count, of: .order(chunk.order), at: place.field(header.count), found: "\(count)",
                    expected: "at most \(layout.bitmaps.count)")
            }
            if chunk.order >= UInt64.bitWidth - context.pageSize.shift {
                log.report(
                    .outOfRange, of: .map, at: place.field(header.order), found: "\(chunk.order)",
                    expected: "less than \(UInt64.bitWidth - context.pageSize.shift)")
                chunk.bitmaps = []
            }
            chunk.bitmaps = chunk.bitmaps.filter { $0.address != nil }
            for index in chunk.bitmaps.indices {
                let bitmap = chunk.bitmaps[index]
                let offset = UInt64(layout.bitmaps.offset(of: index))
                let isPlausible = isPlausible(
                    bitmap, bitmapLayout, order: chunk.order,
                    at: Place(name, field: "\(layout.bitmaps.name)[\(index)]", at: address.advanced(by: offset)), &log)
                guard isPlausible, bits else { continue }
                chunk.bitmaps[index].bits = readBitmap(bitmap, bitmapLayout, order: chunk.order, &scratch, &log)
            }
            chunks.append(chunk)
        }
        return chunks.isEmpty ? nil : chunks
    }

    /// Whether a bitmap is at a possible address; reports if it is not, or if its start is invalid.
    ///
    /// - Parameter pointer: The structure that contains its address.
    private func isPlausible(
        _ bitmap: BitmapChunkState.BitmapState, _ layout: BitmapLayout, order: UInt32,
        at pointer: @autoclosure () -> Place,
        _ log: inout ReadingLog
    ) -> Bool {
        let owner = Owner.order(order, from: bitmap.start)
        let step = layout.bitCount.trailingZeroBitCount + context.pageSize.shift + Int(order)
        if bitmap.start.rawValue.trailingZeroBitCount < min(step, UInt64.bitWidth) {
            log.report(
                .outOfRange, of: owner, at: pointer().field(BitmapPointerLayout.layout.start), found: "\(bitmap.start)",
                expected: "a multiple of the \(layout.bitCount) blocks of order \(order) that a bitmap describes")
        }
        guard let address = bitmap.address else { return false }
        let name = layout.structure.name
        return context.isAligned(address, name, to: layout.structure.size, of: owner, &log)
            && log.visit(address, as: .bitmap, structure: name, of: owner)
    }

    private func readBitmap(
        _ bitmap: BitmapChunkState.BitmapState, _ layout: BitmapLayout, order: UInt32,
        _ scratch: inout [Range<UInt32>], _ log: inout ReadingLog
    ) -> Bitmap {
        guard let address = bitmap.address else { return Bitmap() }
        let structure = layout.structure
        let owner = Owner.order(order, from: bitmap.start)
        let bits = context.read(structure.name, of: owner, at: address, count: structure.size, &log) {
            readBitmap($0, layout.words, &scratch)
        }
        guard let bits else { return Bitmap() }
        log.add(.bitmap, .structure(structure), at: address, structure.size, of: owner)
        return bits
    }

    // MARK: - Radix tree

    private func readTree(at root: PhysicalAddress, _ log: inout ReadingLog) -> RadixTreeState? {
        let geometry = RadixGeometry(pageSize: context.pageSize)
        let nodeLayout = RadixNodeLayout.layout(context.pageSize)
        let leafLayout = RadixLeafLayout.layout(context.pageSize)
        var tree = RadixTreeState()
        var scratch: [Range<UInt32>] = []
        var pending = [RadixTreeState.Node(address: root, level: UInt8(geometry.depth - 1), key: 0)]
        while let node = pending.popLast() {
            let isLeaf = node.level == 0
            let owner = Owner.keys(from: node.key, level: isLeaf ? nil : node.level)
            let name = isLeaf ? leafLayout.structure.name : nodeLayout.structure.name
            guard let address = node.address, context.isAligned(address, name, of: owner, &log),
                log.visit(address, as: isLeaf ? .radixLeaf : .radixNode, structure: name, of: owner)
            else { continue }
            if isLeaf {
                let bits = context.read(name, of: owner, at: address, count: context.pageSize.bytes, &log) {
                    readBitmap($0, leafLayout.bitmap, &scratch)
                }
                guard let bits else { continue }
                tree.leaves.append(RadixTreeState.Leaf(address: address, key: node.key, bits: bits))
                log.add(.radixLeaf, .structure(leafLayout.structure), at: address, context.pageSize.bytes, of: owner)
                continue
            }
            var children: [RadixTreeState.Node] = []
            let read: Void? = context.read(name, of: owner, at: address, count: context.pageSize.bytes, &log) { bytes in
                let shift = UInt64(geometry.shift(level: Int(node.level)))
                for index in 0..<nodeLayout.table.count {
                    let child = nodeLayout.table.read(index, of: bytes)
                    guard child.rawValue != 0 else { continue }
                    // Like the kernel, drop bits above the width of a key.
                    let part = shift < 64 ? UInt64(index) << shift : 0
                    children.append(RadixTreeState.Node(address: child, level: node.level - 1, key: node.key | part))
                }
            }
            guard read != nil else { continue }
            tree.nodes.append(node)
            log.add(.radixNode, .structure(nodeLayout.structure), at: address, context.pageSize.bytes, of: owner)
            pending.append(contentsOf: children.reversed())
        }
        return tree.nodes.isEmpty ? nil : tree
    }
}
