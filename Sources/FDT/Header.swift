/// The header of a flattened device tree: ten big-endian 32-bit fields. C: `struct fdt_header`.
///
/// Offsets and sizes are in bytes; offsets count from the start of the tree.
public struct Header: Sendable, Hashable {
    /// `0xd00dfeed`, in the first four bytes of every tree.
    public static let magic: UInt32 = 0xd00d_feed

    /// The size in bytes of the header since version 17.
    public static let size = 40

    /// The size in bytes of the header of this version. C: `fdt_header_size`.
    public var size: Int { Header.fieldCount(version: version) * 4 }

    /// C: `magic`.
    public let magic: UInt32
    /// The size of the whole tree. C: `totalsize`.
    public let totalSize: UInt32
    /// The offset of the structure block (nodes and properties). C: `off_dt_struct`.
    public let structureOffset: UInt32
    /// The offset of the strings block (property names). C: `off_dt_strings`.
    public let stringsOffset: UInt32
    /// The offset of the memory reservation block. C: `off_mem_rsvmap`.
    public let memoryReservationOffset: UInt32
    /// The version of the format, currently at most 17. C: `version`.
    public let version: UInt32
    /// The oldest version with which this tree is compatible. C: `last_comp_version`.
    public let lastCompatibleVersion: UInt32
    /// The physical ID of the boot CPU. C: `boot_cpuid_phys`, since version 2.
    public let bootCPU: UInt32
    /// The size of the strings block; nil before version 3. C: `size_dt_strings`.
    public let stringsSize: UInt32?
    /// The size of the structure block; nil before version 17. C: `size_dt_struct`.
    public let structureSize: UInt32?

    /// Reads the header fields without checking them; nil if the bytes end before the header of their version does.
    public init?(_ bytes: RawSpan) {
        func field(_ index: Int) -> UInt32 { bytes.bigEndianUInt32(at: index * 4) ?? 0 }
        let version = field(5)
        guard bytes.byteCount >= Header.fieldCount(version: version) * 4 else { return nil }
        magic = field(0)
        totalSize = field(1)
        structureOffset = field(2)
        stringsOffset = field(3)
        memoryReservationOffset = field(4)
        self.version = version
        lastCompatibleVersion = field(6)
        bootCPU = version >= 2 ? field(7) : 0
        stringsSize = version >= 3 ? field(8) : nil
        structureSize = version >= 17 ? field(9) : nil
    }

    /// libfdt's field names, in order.
    private static let fields = [
        "magic", "totalsize", "off_dt_struct", "off_dt_strings", "off_mem_rsvmap", "version", "last_comp_version",
        "boot_cpuid_phys", "size_dt_strings", "size_dt_struct",
    ]

    /// The names of the header fields that these bytes have; all of them if the bytes end before the version field.
    static func fields(in bytes: RawSpan) -> some Collection<String> {
        fields.prefix(fieldCount(version: bytes.bigEndianUInt32(at: 20) ?? .max))
    }

    private static func fieldCount(version: UInt32) -> Int {
        switch version {
        case ..<2: 7
        case 2: 8
        case 3...16: 9
        default: 10
        }
    }
}
