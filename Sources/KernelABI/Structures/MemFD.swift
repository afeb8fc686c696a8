/// `struct memfd_luo_ser`: a preserved memfd.
public struct MemFDLayout: KernelStructure {
    public let position: Field<UInt64>
    public let size: Field<UInt64>
    /// Since `memfd-v2`.
    public let seals: Field<UInt32>?
    /// Since `memfd-v2`.
    public let flags: Field<UInt32>?
    public let folioCount: Field<UInt64>
    public let folios: NestedField<VmallocLayout>
    public let structure: StructureDescription

    /// `memfd-v1`: position, size and folios.
    public static let v1 = MemFDLayout(hasSeals: false)
    /// `memfd-v2`: adds seals and flags.
    public static let v2 = MemFDLayout(hasSeals: true)

    /// The names of the seals, by bit: `F_SEAL_SEAL` and so on.
    public static let sealNames = ["seal", "shrink", "grow", "write", "future-write", "exec"]
    /// `MEMFD_LUO_ALL_SEALS`: the seals that a kernel can restore; others cause `EOPNOTSUPP`.
    public static let knownSeals: UInt32 = (1 << 6) - 1

    private init(hasSeals: Bool) {
        var builder = StructureBuilder("memfd_luo_ser", packed: true, "A preserved memfd.")
        position = builder.number("pos", UInt64.self, .byteCount, "The file position.")
        size = builder.number("size", UInt64.self, .byteCount, "The file size.")
        if hasSeals {
            seals = builder.number("seals", UInt32.self, .flags(Self.sealNames), "The file's seals.")
            flags = builder.number("flags", UInt32.self, .flags([]), "None are defined.")
        } else {
            seals = nil
            flags = nil
        }
        folioCount = builder.number("nr_folios", UInt64.self, .count, "The number of folios.")
        folios = builder.nested("folios", VmallocLayout.layout, "The array of folios.")
        structure = builder.finish()
    }
}

extension Generation.FileHandler {
    static let memfdV1 = Self(compatible: "memfd-v1", layout: MemFDLayout.v1, others: [FolioLayout.layout.structure])
    static let memfdV2 = Self(compatible: "memfd-v2", layout: MemFDLayout.v2, others: [FolioLayout.layout.structure])
}

/// `struct memfd_luo_folio_ser`: one folio of a memfd.
public struct FolioLayout: KernelStructure {
    public let pfn: BitField
    public let flags: BitField
    public let index: Field<UInt64>
    public let structure: StructureDescription

    public static let layout = FolioLayout()

    /// `MEMFD_LUO_FOLIO_DIRTY` and `MEMFD_LUO_FOLIO_UPTODATE`.
    public static let flagNames = ["dirty", "uptodate"]
    /// The flags that the kernel sets on every folio: both of them.
    public static let preservedFlags: UInt16 = 3

    private init() {
        var builder = StructureBuilder("memfd_luo_folio_ser", packed: true, "One folio of a memfd.")
        let bits = builder.bitFields([
            ("pfn", 52, .number, "The page frame number of the folio; 0 for a hole."),
            ("flags", 12, .flags(Self.flagNames), "The folio's state."),
        ])
        pfn = bits[0]
        flags = bits[1]
        index = builder.number("index", UInt64.self, .number, "The folio's offset in the file, in pages.")
        structure = builder.finish()
    }
}
