import KernelABI

/// Looks up blocks in a map of preserved memory by address.
public struct PreservedIndex: Sendable {
    private let geometry: RadixGeometry
    /// The leaves or bitmaps, by the key of their first bit, ascending. There are few of them, with many keys each.
    private let bitmaps: [(key: UInt64, bits: Bitmap)]
    private let bitsPerPage: UInt64
    /// The order of the largest block, which has the smallest key.
    private let largestOrder: Int

    public init(_ preserved: PreservedState, pageSize: PageSize) {
        let geometry = RadixGeometry(pageSize: pageSize)
        self.geometry = geometry
        bitsPerPage = UInt64(pageSize.bytes) * 8
        switch preserved.map {
        case nil: bitmaps = []
        case .radix(let tree):
            // If several leaves have the same key, which no kernel creates, the last one counts.
            bitmaps = tree.leaves.map { ($0.key, $0.bits) }.sorted { $0.key < $1.key }
        case .chunks(let chunks):
            // Converts the bitmaps' blocks to keys of the tree. The bits of a page are the same, except for orders
            // whose keys do not fill a page.
            var leaves = KeyedBitmaps(bitsPerPage: bitsPerPage)
            for chunk in chunks where chunk.order < UInt64.bitWidth - pageSize.shift {
                for bitmap in chunk.bitmaps {
                    let key = geometry.key(of: PageBlock(address: bitmap.start, order: Int(chunk.order)))
                    bitmap.bits.forEachRun { run in
                        leaves.insert(key &+ UInt64(run.lowerBound), count: UInt64(run.count))
                    }
                }
            }
            bitmaps = leaves.bitmaps.map { ($0.key, $0.value) }.sorted { $0.key < $1.key }
        }
        largestOrder = bitmaps.first.flatMap { geometry.block(of: max($0.key, 1))?.order } ?? 64 - pageSize.shift
    }

    /// Whether the map contains exactly this block.
    public func contains(_ block: PageBlock) -> Bool {
        let key = geometry.key(of: block)
        let bit = key % bitsPerPage
        let next = bitmaps.partitioningIndex { $0.key > key - bit }
        return next > 0 && bitmaps[next - 1].key == key - bit && bitmaps[next - 1].bits.contains(Int(bit))
    }

    /// The block that contains `address`; if there are several, the largest.
    func block(containing address: PhysicalAddress) -> PageBlock? {
        for order in (0...max(0, largestOrder)).reversed() where order + geometry.pageSize.shift < 64 {
            let mask = ~UInt64(0) << UInt64(order + geometry.pageSize.shift)
            let block = PageBlock(address: PhysicalAddress(address.rawValue & mask), order: order)
            if contains(block) { return block }
        }
        return nil
    }

    /// The order of the block that begins at `address`, or `nil` if there is none; if there are several, the largest.
    public func order(at address: PhysicalAddress) -> Int? {
        let page = address.rawValue >> UInt64(geometry.pageSize.shift)
        var order = min(page.trailingZeroBitCount, largestOrder)
        while order >= 0 {
            if contains(PageBlock(address: address, order: order)) { return order }
            order -= 1
        }
        return nil
    }
}

/// Sorts keys into the leaves that they belong to.
private struct KeyedBitmaps {
    let bitsPerPage: UInt64
    private(set) var bitmaps: [UInt64: Bitmap] = [:]

    init(bitsPerPage: UInt64) {
        self.bitsPerPage = bitsPerPage
    }

    /// Adds `count` keys, starting with `first`.
    mutating func insert(_ first: UInt64, count: UInt64) {
        var key = first
        var left = count
        while left > 0 {
            let bit = key % bitsPerPage
            let here = min(left, bitsPerPage - bit)
            bitmaps[key - bit, default: Bitmap()].insert(Int(bit)..<Int(bit + here))
            key &+= here
            left -= here
        }
    }
}
