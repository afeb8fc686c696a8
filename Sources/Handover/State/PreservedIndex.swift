import KernelABI

/// Finds blocks in a map of preserved memory by their address.
public struct PreservedIndex: Sendable {
    private let geometry: RadixGeometry
    /// The leaves or bitmaps by the key of their first bit.
    private var bitmaps: [UInt64: Bitmap] = [:]
    private let bitsPerPage: UInt64

    public init(_ preserved: PreservedState, pageSize: PageSize) {
        geometry = RadixGeometry(pageSize: pageSize)
        bitsPerPage = UInt64(pageSize.bytes) * 8
        switch preserved.map {
        case nil: break
        case .radix(let tree):
            for leaf in tree.leaves { bitmaps[leaf.key] = leaf.bits }
        case .chunks(let chunks):
            // The bitmaps' blocks as keys of the tree: the bits of a page are the same ones, but for the orders
            // whose keys do not fill a page.
            for chunk in chunks where chunk.order < UInt64.bitWidth - pageSize.shift {
                for bitmap in chunk.bitmaps {
                    let key = geometry.key(of: PageBlock(address: bitmap.start, order: Int(chunk.order)))
                    bitmap.bits.forEachRun { run in
                        for bit in run { insert(key &+ UInt64(bit)) }
                    }
                }
            }
        }
    }

    private mutating func insert(_ key: UInt64) {
        let bit = key % bitsPerPage
        bitmaps[key - bit, default: Bitmap()].insert(Int(bit))
    }

    /// Whether exactly this block is in the map.
    public func contains(_ block: PageBlock) -> Bool {
        let key = geometry.key(of: block)
        let bit = key % bitsPerPage
        return bitmaps[key - bit]?.contains(Int(bit)) ?? false
    }

    /// The order of the block that begins at `address`, or `nil` where none does; the largest of several.
    public func order(at address: PhysicalAddress) -> Int? {
        let page = address.rawValue >> UInt64(geometry.pageSize.shift)
        var order = min(page.trailingZeroBitCount, 64 - geometry.pageSize.shift)
        while order >= 0 {
            if contains(PageBlock(address: address, order: order)) { return order }
            order -= 1
        }
        return nil
    }
}
