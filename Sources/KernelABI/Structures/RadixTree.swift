/// `struct kho_radix_node`: an inner node of the radix tree, one page of addresses.
public struct RadixNodeLayout: PageStructure {
    public let table: ArrayField<PhysicalAddress>
    public let structure: StructureDescription

    public static let layouts = PageLayouts<RadixNodeLayout>()

    public init(pageSize: PageSize) {
        var builder = StructureBuilder("kho_radix_node", "An inner node of the tree of preserved memory.")
        table = builder.addresses(
            "table", count: pageSize.bytes / 8, of: "kho_radix_node", "The nodes one level below; 0 for none.")
        structure = builder.finish()
    }
}

/// `struct kho_radix_leaf`: a leaf of the radix tree, one page of bits.
public struct RadixLeafLayout: PageStructure {
    public let bitmap: ArrayField<UInt64>
    public let structure: StructureDescription

    public static let layouts = PageLayouts<RadixLeafLayout>()

    public init(pageSize: PageSize) {
        var builder = StructureBuilder("kho_radix_leaf", "A leaf of the tree of preserved memory.")
        bitmap = builder.words("bitmap", count: pageSize.bytes / 8, .bitmap, "Bit i represents key i of this leaf.")
        structure = builder.finish()
    }
}

/// The arithmetic of the radix tree of preserved memory: the kernel's `enum kho_radix_consts`.
///
/// The key of a block is its page frame number shifted right by its order, below a marker bit whose position gives the
/// order. The low bits of a key select a bit of a leaf, the others a path through the tables above it.
public struct RadixGeometry: Hashable, Sendable {
    public let pageSize: PageSize

    public init(pageSize: PageSize) {
        self.pageSize = pageSize
    }

    /// `KHO_RADIX_KEY_WIDTH`: the width of a key in bits, including the marker.
    public var keyWidth: Int { 64 - pageSize.shift + 1 }
    /// `KHO_BITMAP_SIZE_LOG2`: the number of key bits that a leaf resolves.
    public var bitmapBits: Int { pageSize.shift + 3 }
    /// `KHO_TABLE_SIZE_LOG2`: the number of key bits that a table resolves.
    public var tableBits: Int { pageSize.shift - 3 }
    /// `KHO_TREE_MAX_DEPTH`: the number of levels, including the leaves.
    public var depth: Int { (keyWidth - bitmapBits + tableBits - 1) / tableBits + 1 }

    /// `kho_encode_radix_key`.
    public func key(of block: PageBlock) -> UInt64 {
        let shift = pageSize.shift + block.order
        return (1 << UInt64(64 - shift)) | (block.address.rawValue >> UInt64(shift))
    }

    /// `kho_decode_radix_key`; `nil` for an invalid key: 0, or one whose marker is too high.
    public func block(of key: UInt64) -> PageBlock? {
        guard key != 0 else { return nil }
        let marker = 63 - key.leadingZeroBitCount
        let order = 64 - pageSize.shift - marker
        guard order >= 0 else { return nil }
        let shift = UInt64(pageSize.shift + order)
        return PageBlock(address: PhysicalAddress(shift == 64 ? 0 : key << shift), order: order)
    }

    /// The shift of the part of a key that the table at `level` (1 and up) resolves.
    public func shift(level: Int) -> Int { (level - 1) * tableBits + bitmapBits }

    /// `kho_radix_get_table_index`.
    public func tableIndex(of key: UInt64, level: Int) -> Int {
        Int((key >> UInt64(shift(level: level))) & ((1 << UInt64(tableBits)) - 1))
    }

    /// `kho_radix_get_bitmap_index`.
    public func bitIndex(of key: UInt64) -> Int {
        Int(key & ((1 << UInt64(bitmapBits)) - 1))
    }

    /// The first key below the node at `level` on the path of `key`.
    public func prefix(of key: UInt64, level: Int) -> UInt64 {
        let shift = level == 0 ? bitmapBits : shift(level: level + 1)
        return shift >= 64 ? 0 : (key >> UInt64(shift)) << UInt64(shift)
    }
}
