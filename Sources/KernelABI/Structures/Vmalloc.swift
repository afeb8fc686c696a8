/// `struct kho_vmalloc`: a preserved area of virtually contiguous memory.
public struct VmallocLayout: KernelStructure {
    public let first: Field<PhysicalAddress>
    public let totalPages: Field<UInt32>
    public let flags: Field<UInt16>
    public let order: Field<UInt16>
    public let structure: StructureDescription

    public static let layout = VmallocLayout()

    /// `KHO_VMALLOC_ALLOC` and `KHO_VMALLOC_HUGE_VMAP`: all flags known to kernels.
    public static let flagNames = ["alloc", "huge-vmap"]
    /// The flag that every area allocated with `vmalloc` has.
    public static let allocFlag: UInt16 = 1

    private init() {
        var builder = StructureBuilder("kho_vmalloc", "A preserved vmalloc area.")
        first = builder.address("first", of: "kho_vmalloc_chunk", "The first chunk of page addresses.")
        totalPages = builder.number("total_pages", UInt32.self, .count, "The number of base pages.")
        flags = builder.number("flags", UInt16.self, .flags(Self.flagNames), "How the area was allocated.")
        order = builder.number("order", UInt16.self, .number, "Each address refers to 2^order pages.")
        structure = builder.finish()
    }
}

/// `struct kho_vmalloc_hdr`: links the chunks of a list of page addresses.
public struct VmallocChunkHeaderLayout: KernelStructure {
    public let next: Field<PhysicalAddress>
    public let structure: StructureDescription

    public static let layout = VmallocChunkHeaderLayout()

    private init() {
        var builder = StructureBuilder("kho_vmalloc_hdr", "Links the chunks of a list of page addresses.")
        next = builder.address("next", of: "kho_vmalloc_chunk", "The next chunk; 0 ends the list.")
        structure = builder.finish()
    }
}

/// `struct kho_vmalloc_chunk`: a page of page addresses, terminated by 0 unless full.
public struct VmallocChunkLayout: PageStructure {
    public let header: NestedField<VmallocChunkHeaderLayout>
    public let pages: ArrayField<PhysicalAddress>
    public let structure: StructureDescription

    public static let layouts = PageLayouts<VmallocChunkLayout>()

    public init(pageSize: PageSize) {
        var builder = StructureBuilder("kho_vmalloc_chunk", "One page of page addresses.")
        header = builder.nested("hdr", VmallocChunkHeaderLayout.layout, "The link to the next chunk.")
        pages = builder.addresses(
            "phys", count: (pageSize.bytes - header.layout.structure.size) / 8, of: "page",
            "The pages, in order, terminated by 0.")
        structure = builder.finish()
    }
}
