/// `struct khoser_mem_chunk_hdr`: the header of a page of bitmap pointers.
public struct BitmapChunkHeaderLayout: KernelStructure {
    public let next: Field<PhysicalAddress>
    public let order: Field<UInt32>
    public let count: Field<UInt32>
    public let structure: StructureDescription

    public static let layout = BitmapChunkHeaderLayout()

    private init() {
        var builder = StructureBuilder("khoser_mem_chunk_hdr", "The header of a page of bitmap pointers.")
        next = builder.address("next", of: "khoser_mem_chunk", "The next chunk; 0 ends the list.")
        order = builder.number("order", UInt32.self, .number, "Each bit represents 2^order pages.")
        count = builder.number("num_elms", UInt32.self, .count, "The number of bitmaps in this chunk.")
        structure = builder.finish()
    }
}

/// `struct khoser_mem_bitmap_ptr`: the address of a bitmap, and the memory that its first bit represents.
public struct BitmapPointerLayout: KernelStructure {
    public let start: Field<PhysicalAddress>
    public let bitmap: Field<PhysicalAddress>
    public let structure: StructureDescription

    public static let layout = BitmapPointerLayout()

    private init() {
        var builder = StructureBuilder(
            "khoser_mem_bitmap_ptr", "The address of a bitmap, and of the memory it describes.")
        start = builder.address("phys_start", of: "page", "The memory that bit 0 represents.")
        bitmap = builder.address("bitmap", of: "kho_mem_phys_bits", "The bitmap.")
        structure = builder.finish()
    }
}

/// `struct khoser_mem_chunk`: one page of bitmap pointers, all of one order.
public struct BitmapChunkLayout: PageStructure {
    public let header: NestedField<BitmapChunkHeaderLayout>
    public let bitmaps: StructureArrayField<BitmapPointerLayout>
    public let structure: StructureDescription

    public static let layouts = PageLayouts<BitmapChunkLayout>()

    public init(pageSize: PageSize) {
        var builder = StructureBuilder("khoser_mem_chunk", "One page of bitmap pointers, all of one order.")
        header = builder.nested("hdr", BitmapChunkHeaderLayout.layout, "The link, the order and the number.")
        bitmaps = builder.structures(
            "bitmaps",
            count: (pageSize.bytes - header.layout.structure.size) / BitmapPointerLayout.layout.structure.size,
            BitmapPointerLayout.layout, "The bitmaps.")
        structure = builder.finish()
    }
}

/// `struct kho_mem_phys_bits`: a bitmap in which each bit represents 2^order preserved pages.
public struct BitmapLayout: KernelStructure {
    public let words: ArrayField<UInt64>
    public let structure: StructureDescription

    /// - Parameter byteCount: The size of a bitmap; see ``Generation/BitmapSize``.
    public init(byteCount: Int) {
        var builder = StructureBuilder("kho_mem_phys_bits", "Bits of one order.")
        words = builder.words("preserve", count: byteCount / 8, .bitmap, "Bit i represents block i.")
        structure = builder.finish()
    }

    /// The number of bits.
    public var bitCount: Int { words.count * 64 }
}
