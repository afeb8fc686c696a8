/// `struct disk_dump_header`: the first block of a kdump-compressed dump.
public struct DumpHeaderLayout: KernelStructure {
    public let signature: CharacterField
    public let version: Field<UInt32>
    public let host: CharacterField
    public let release: CharacterField
    public let machine: CharacterField
    public let status: Field<UInt32>
    public let blockSize: Field<UInt32>
    public let subHeaderBlocks: Field<UInt32>
    public let bitmapBlocks: Field<UInt32>
    public let pageCount: Field<UInt32>
    public let structure: StructureDescription

    public static let layout = DumpHeaderLayout()

    public static let signatureText = "KDUMP   "
    /// `DUMP_DH_COMPRESSED_INCOMPLETE`: makedumpfile could not write the whole dump.
    public static let incomplete: UInt32 = 8

    private init() {
        var builder = StructureBuilder("disk_dump_header", "The head of a kdump-compressed dump.")
        signature = builder.characters("signature", count: 8, "\"KDUMP\" and three spaces.")
        version = builder.number("header_version", UInt32.self, .number, "Which fields the sub header has.")
        _ = builder.characters("utsname.sysname", count: 65, "The kernel's name.")
        host = builder.characters("utsname.nodename", count: 65, "The host's name.")
        release = builder.characters("utsname.release", count: 65, "The kernel's release.")
        _ = builder.characters("utsname.version", count: 65, "When the kernel was built.")
        machine = builder.characters("utsname.machine", count: 65, "The architecture.")
        _ = builder.characters("utsname.domainname", count: 65, "The host's domain.")
        _ = builder.number("timestamp.tv_sec", UInt64.self, .number, "When the dump was made.")
        _ = builder.number("timestamp.tv_usec", UInt64.self, .number, "Microseconds of that.")
        status = builder.number("status", UInt32.self, .number, "How pages are compressed, and what is missing.")
        blockSize = builder.number("block_size", UInt32.self, .byteCount, "The size of a page.")
        subHeaderBlocks = builder.number("sub_hdr_size", UInt32.self, .count, "The blocks of the sub header.")
        bitmapBlocks = builder.number("bitmap_blocks", UInt32.self, .count, "The blocks of both bitmaps.")
        pageCount = builder.number("max_mapnr", UInt32.self, .count, "One more than the highest page frame number.")
        _ = builder.number("total_ram_blocks", UInt32.self, .count, "Not used.")
        _ = builder.number("device_blocks", UInt32.self, .count, "Not used.")
        _ = builder.number("written_blocks", UInt32.self, .count, "Not used.")
        _ = builder.number("current_cpu", UInt32.self, .number, "The processor that panicked.")
        _ = builder.number("nr_cpus", UInt32.self, .count, "The processors.")
        structure = builder.finish()
    }
}

/// `struct kdump_sub_header`: the second block of a kdump-compressed dump, as of `header_version` 6. Earlier versions
/// are shorter; missing fields are zero.
public struct DumpSubHeaderLayout: KernelStructure {
    public let dumpLevel: Field<UInt32>
    public let split: Field<UInt32>
    public let startPage: Field<UInt64>
    public let endPage: Field<UInt64>
    public let infoOffset: Field<UInt64>
    public let infoSize: Field<UInt64>
    public let notesOffset: Field<UInt64>
    public let notesSize: Field<UInt64>
    public let startPage64: Field<UInt64>
    public let endPage64: Field<UInt64>
    public let pageCount64: Field<UInt64>
    public let structure: StructureDescription

    public static let layout = DumpSubHeaderLayout()

    /// The first version in which the 64-bit fields are valid.
    public static let versionOf64Bits: UInt32 = 6

    private init() {
        var builder = StructureBuilder("kdump_sub_header", "The rest of a kdump-compressed dump's head.")
        _ = builder.number("phys_base", UInt64.self, .number, "Where the kernel was loaded.")
        dumpLevel = builder.number("dump_level", UInt32.self, .number, "Which kinds of pages makedumpfile omitted.")
        split = builder.number("split", UInt32.self, .number, "1: the file has a part of the pages.")
        startPage = builder.number("start_pfn", UInt64.self, .number, "The first page frame of the part.")
        endPage = builder.number("end_pfn", UInt64.self, .number, "The page frame after the part.")
        infoOffset = builder.number("offset_vmcoreinfo", UInt64.self, .number, "Where VMCOREINFO is in the file.")
        infoSize = builder.number("size_vmcoreinfo", UInt64.self, .byteCount, "Its size.")
        notesOffset = builder.number("offset_note", UInt64.self, .number, "Where ELF notes are in the file.")
        notesSize = builder.number("size_note", UInt64.self, .byteCount, "Their size.")
        _ = builder.number("offset_eraseinfo", UInt64.self, .number, "Where the list of what makedumpfile erased is.")
        _ = builder.number("size_eraseinfo", UInt64.self, .byteCount, "Its size.")
        startPage64 = builder.number("start_pfn_64", UInt64.self, .number, "start_pfn.")
        endPage64 = builder.number("end_pfn_64", UInt64.self, .number, "end_pfn.")
        pageCount64 = builder.number("max_mapnr_64", UInt64.self, .count, "max_mapnr.")
        structure = builder.finish()
    }
}

/// `struct page_desc`: the location of a page in a kdump-compressed dump.
public struct DumpPageLayout: KernelStructure {
    public let offset: Field<UInt64>
    public let size: Field<UInt32>
    public let flags: Field<UInt32>
    public let structure: StructureDescription

    public static let layout = DumpPageLayout()

    private init() {
        var builder = StructureBuilder("page_desc", "A page of a kdump-compressed dump.")
        offset = builder.number("offset", UInt64.self, .number, "Where its bytes are in the file.")
        size = builder.number("size", UInt32.self, .byteCount, "The number of its bytes.")
        flags = builder.number("flags", UInt32.self, .number, "How they are compressed; 0: not at all.")
        _ = builder.number("page_flags", UInt64.self, .number, "Not used.")
        structure = builder.finish()
    }
}

/// `lime_mem_range_header`: the header of each range of memory in a LiME dump. The bytes of the range follow it.
public struct LiMEHeaderLayout: KernelStructure {
    public let magic: Field<UInt32>
    public let version: Field<UInt32>
    public let start: Field<PhysicalAddress>
    public let last: Field<PhysicalAddress>
    public let structure: StructureDescription

    public static let layout = LiMEHeaderLayout()

    /// `EMiL` in the file.
    public static let magicNumber: UInt32 = 0x4C69_4D45
    public static let currentVersion: UInt32 = 1

    private init() {
        var builder = StructureBuilder("lime_mem_range_header", packed: true, "A range of memory in a LiME dump.")
        magic = builder.number("magic", UInt32.self, .number, "0x4C694D45.")
        version = builder.number("version", UInt32.self, .number, "1.")
        start = builder.address("s_addr", of: "memory", "The address of the first byte.")
        last = builder.address("e_addr", of: "memory", "The address of the last byte.")
        _ = builder.number("reserved", UInt64.self, .number, "Zero.")
        structure = builder.finish()
    }
}

/// `struct makedumpfile_data_header`: the header of each piece of a flattened dump. Both numbers are big-endian.
public struct FlattenedPieceLayout: KernelStructure {
    public let offset: Field<UInt64>
    public let size: Field<UInt64>
    public let structure: StructureDescription

    public static let layout = FlattenedPieceLayout()

    private init() {
        var builder = StructureBuilder("makedumpfile_data_header", "A piece of a flattened dump.")
        offset = builder.number("offset", UInt64.self, .number, "Where the piece belongs; negative: the end.")
        size = builder.number("buf_size", UInt64.self, .byteCount, "The size of the piece.")
        structure = builder.finish()
    }
}
