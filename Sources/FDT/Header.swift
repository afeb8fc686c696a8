/// The header of a flattened tree: ten big-endian 32-bit fields. C: `struct fdt_header`.
///
/// Offsets and sizes are in bytes; offsets count from the start of the tree.
public struct Header: Sendable, Hashable {
    /// `0xd00dfeed`, in the first four bytes of every tree.
    public static let magic: UInt32 = 0xd00d_feed

    /// The size of the header from version 17 on, in bytes.
    public static let size = 40

    /// The size of the header of this version, in bytes. C: `fdt_header_size`.
    public var size: Int { Header.fieldCount(version: version) * 4 }

    /// C: `magic`.
    public let magic: UInt32
    /// The size of the whole tree. C: `totalsize`.
    public let totalSize: UInt32
    /// Where the structure block (nodes and properties) begins. C: `off_dt_struct`.
    public let structureOffset: UInt32
    /// Where the strings block (names of properties) begins. C: `off_dt_strings`.
    public let stringsOffset: UInt32
    /// Where the memory reservation block begins. C: `off_mem_rsvmap`.
    public let memoryReservationOffset: UInt32
    /// The version of the format; 17 is the last one. C: `version`.
    public let version: UInt32
    /// The oldest version that a reader may know and still read this tree. C: `last_comp_version`.
    public let lastCompatibleVersion: UInt32
    /// The number of the processor that boots. C: `boot_cpuid_phys`, from version 2 on.
    public let bootCPU: UInt32
    /// The size of the strings block. C: `size_dt_strings`, from version 3 on: nil before.
    public let stringsSize: UInt32?
    /// The size of the structure block. C: `size_dt_struct`, from version 17 on: nil before.
    public let structureSize: UInt32?

    /// Reads the fields of the header as they stand, without judging them; nil if the bytes end before the header
    /// of their version does.
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

    /// libfdt's names of the fields, in their order.
    private static let fields = [
        "magic", "totalsize", "off_dt_struct", "off_dt_strings", "off_mem_rsvmap", "version", "last_comp_version",
        "boot_cpuid_phys", "size_dt_strings", "size_dt_struct",
    ]

    /// The names of the fields that the header of these bytes has; of all, if the bytes end before its version.
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
