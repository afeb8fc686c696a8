import KernelABI
import SystemPackage

/// A memory image in an ELF64 core file: `/proc/vmcore` and copies of it, and the output of QEMU's `dump-guest-memory`,
/// of `makedumpfile -E` and of ``ELFCoreWriter``.
///
/// Memory is the contents of the `PT_LOAD` segments at their physical addresses (`p_paddr`).
///
/// - Bytes of a segment beyond its size in the file (`p_memsz` > `p_filesz`) read as zero. Dumps omit pages this way,
///   and `crash` reads them so.
/// - If segments overlap, the one whose program header comes first is read. Cores made by kdump overlap: the kernel's
///   text has its own segment, with the same bytes.
/// - A truncated file still provides what it has; the rest is not available, and is listed in ``damage``.
public struct ELFCore: PhysicalMemory {
    public let regions: [Range<PhysicalAddress>]
    public let statedPageSize: Int?
    public let statedMachine: Machine?
    /// The kernel's release (`OSRELEASE` of VMCOREINFO), if the core states it.
    public let osRelease: String?
    public let leftOut: [Range<PhysicalAddress>]
    /// Faults in the file that do not prevent reading it.
    public let damage: [Damage]

    /// A fault in a core that leaves part of it readable. Segments are identified by their program header index.
    public enum Damage: Hashable, Sendable {
        /// The file states that it has `stated` program headers, but only has room for `present`.
        case programHeadersMissing(stated: UInt32, present: UInt32)
        /// The file has only `count` of the `stated` bytes that its headers imply; the rest is not available.
        case cutShort(count: UInt64, stated: UInt64)
        /// The segment's range of physical addresses wraps around; the segment is ignored.
        case segmentWraps(index: Int, address: PhysicalAddress, size: UInt64)
        /// `p_filesz` is greater than `p_memsz`; the excess is ignored.
        case segmentSizesDisagree(index: Int, fileSize: UInt64, memorySize: UInt64)
        /// `PAGESIZE` of VMCOREINFO is not 4096, 16384 or 65536, and is ignored.
        case pageSize(String)
        /// `e_machine` is not a machine that supports KHO.
        case machine(UInt16)
    }

    private let segments: FileSegments

    /// Whether a file that begins with these bytes is an ELF file. Sixteen bytes suffice.
    public static func looksLikeOne(_ bytes: RawSpan) -> Bool {
        bytes.byteCount >= ELF.magic.count
            && ELF.magic.indices.allSatisfy { bytes.littleEndian(at: $0) == ELF.magic[$0] }
    }

    /// Reads the core's headers.
    ///
    /// - Throws: ``ELFError`` if the file is not a little-endian ELF64 core with physical addresses.
    public init(file: MappedFile) throws(ELFError) {
        let header = try Self.header(of: file)
        let count = try Self.programHeaderCount(of: file, header)
        let room = (file.count - min(file.count, header.programHeaderOffset)) / UInt64(ELFProgramHeader.size)
        let present = UInt32(min(UInt64(count), room))
        if count > 0, present == 0 {
            throw .outsideFile(
                structure: "program header table", offset: header.programHeaderOffset, fileSize: file.count)
        }

        var table = SegmentTable(fileSize: file.count)
        if present < count { table.damage.append(.programHeadersMissing(stated: count, present: present)) }
        if present > 0 {
            let size = Int(present) * ELFProgramHeader.size
            try Self.read("program header table", of: file, at: header.programHeaderOffset, count: size) { bytes in
                for index in 0..<Int(present) {
                    table.add(ELFProgramHeader(bytes, at: index * ELFProgramHeader.size), index: index)
                }
            }
        }
        if table.statedSize > file.count {
            table.damage.append(.cutShort(count: file.count, stated: table.statedSize))
        }
        if table.hasNoPhysicalAddresses { throw .noPhysicalAddresses }

        let kernel = VMCoreInfo(notes: table.notes, of: file)
        if let stated = kernel.pageSize {
            statedPageSize = Int(stated).flatMap { [4096, 16384, 65536].contains($0) ? $0 : nil }
            if statedPageSize == nil { table.damage.append(.pageSize(stated)) }
        } else {
            statedPageSize = nil
        }
        osRelease = kernel.osRelease
        leftOut = kernel.leftOut
        statedMachine = Machine(elfMachine: header.machine)
        if statedMachine == nil, header.machine != ELF.noMachine { table.damage.append(.machine(header.machine)) }
        damage = table.damage
        segments = FileSegments(table.segments, of: file)
        regions = segments.regions
    }

    public var storedExtents: [Range<PhysicalAddress>] { segments.storedExtents }

    public func withBytes<Result>(
        at address: PhysicalAddress, count: Int, _ body: (RawSpan) -> Result
    ) throws(MemoryError) -> Result {
        do throws(MemoryError) {
            return try segments.withBytes(at: address, count: count, body)
        } catch {
            guard case .notAvailable = error, let end = address.advanced(by: UInt64(max(count, 0))) else { throw error }
            throw absence(of: (address..<end).firstAddress(outside: regions), at: address, count)
        }
    }

    public func release(_ range: Range<PhysicalAddress>) {
        segments.release(range)
    }
}

// MARK: - Headers

extension ELFCore {
    private static func header(of file: MappedFile) throws(ELFError) -> ELFHeader {
        let count = Int(min(file.count, UInt64(ELFHeader.size)))
        let header = try read("ELF header", of: file, at: 0, count: count) { bytes -> Result<ELFHeader, ELFError> in
            guard looksLikeOne(bytes) else { return .failure(.notELF) }
            guard bytes.byteCount == ELFHeader.size else {
                return .failure(.outsideFile(structure: "ELF header", offset: 0, fileSize: file.count))
            }
            let elfClass: UInt8 = bytes.littleEndian(at: ELF.classIndex)
            guard elfClass == ELF.class64 else { return .failure(.notELF64(class: elfClass)) }
            let byteOrder: UInt8 = bytes.littleEndian(at: ELF.byteOrderIndex)
            guard byteOrder == ELF.littleEndian else { return .failure(.notLittleEndian(data: byteOrder)) }
            return .success(ELFHeader(bytes))
        }.get()
        guard header.type == ELF.typeCore else { throw .notCore(type: header.type) }
        guard header.programHeaderCount == 0 || Int(header.programHeaderSize) == ELFProgramHeader.size else {
            throw .programHeaderSize(found: header.programHeaderSize, expected: UInt16(ELFProgramHeader.size))
        }
        return header
    }

    /// `e_phnum`, or `sh_info` of section header 0 if `e_phnum` refers to it.
    private static func programHeaderCount(of file: MappedFile, _ header: ELFHeader) throws(ELFError) -> UInt32 {
        guard header.programHeaderCount == ELF.extendedNumbering else { return UInt32(header.programHeaderCount) }
        if header.sectionHeaderOffset == 0 { throw .noSegmentCount }
        return try read(
            "section header 0 (e_phnum is PN_XNUM)", of: file, at: header.sectionHeaderOffset,
            count: ELFSectionHeader.size
        ) { $0.littleEndian(at: ELFSectionHeader.infoOffset) }
    }

    private static func read<Result>(
        _ structure: String, of file: MappedFile, at offset: UInt64, count: Int, _ body: (RawSpan) -> Result
    ) throws(ELFError) -> Result {
        try rethrow(file.withBytes(at: offset, count: count, body)) { (_: FileError) in
            ELFError.outsideFile(structure: structure, offset: offset, fileSize: file.count)
        }
    }

    /// Converts program headers to pieces of memory.
    private struct SegmentTable {
        let fileSize: UInt64
        var damage: [Damage] = []
        /// The `PT_NOTE` segments, as offsets in the file.
        var notes: [Range<UInt64>] = []

        private(set) var segments: [FileSegments.Segment] = []
        /// The end of the last segment in the file.
        private(set) var statedSize: UInt64 = 0
        private var loads = 0
        private var loadsAtZero = 0
        private var hasVirtualAddresses = false

        init(fileSize: UInt64) {
            self.fileSize = fileSize
        }

        var hasNoPhysicalAddresses: Bool { loads > 0 && loadsAtZero == loads && hasVirtualAddresses }

        mutating func add(_ segment: ELFProgramHeader, index: Int) {
            switch segment.type {
            case ELF.segmentNote:
                let stored = stored(segment)
                if stored > 0 { notes.append(segment.offset..<segment.offset + stored) }
            case ELF.segmentLoad:
                load(segment, index: index)
            default:
                break
            }
        }

        /// The number of the segment's bytes that are in the file.
        private func stored(_ segment: ELFProgramHeader) -> UInt64 {
            segment.offset < fileSize ? min(segment.fileSize, fileSize - segment.offset) : 0
        }

        private mutating func load(_ segment: ELFProgramHeader, index: Int) {
            loads += 1
            if segment.physicalAddress == 0 { loadsAtZero += 1 }
            if segment.virtualAddress != 0 { hasVirtualAddresses = true }

            // Virtual memory in /proc/kcore that is not RAM, and so has no physical address.
            if segment.physicalAddress == .max { return }
            let start = PhysicalAddress(segment.physicalAddress)
            guard let end = start.advanced(by: segment.memorySize) else {
                damage.append(.segmentWraps(index: index, address: start, size: segment.memorySize))
                return
            }
            if segment.fileSize > segment.memorySize {
                damage.append(
                    .segmentSizesDisagree(
                        index: index, fileSize: segment.fileSize, memorySize: segment.memorySize))
            }
            let wanted = min(segment.fileSize, segment.memorySize)
            let present = min(stored(segment), wanted)
            if wanted > 0 { statedSize = max(statedSize, segment.offset.addingSaturating(wanted)) }
            // None of these wrap, as they are at most `end`.
            append(start..<PhysicalAddress(start.rawValue + present), offset: segment.offset)
            append(PhysicalAddress(start.rawValue + wanted)..<end, offset: nil)
        }

        private mutating func append(_ range: Range<PhysicalAddress>, offset: UInt64?) {
            if !range.isEmpty { segments.append(FileSegments.Segment(range: range, offset: offset)) }
        }
    }
}

// MARK: - VMCOREINFO

/// The information used from VMCOREINFO, the note in which a kernel describes itself.
struct VMCoreInfo {
    var pageSize: String?
    var osRelease: String?
    /// Memory that should have been there but that `collect` did not find.
    var leftOut: [Range<PhysicalAddress>] = []

    /// The key of ``leftOut``. No kernel writes it.
    static let leftOutKey = "LUO_FDT_LEFT_OUT="

    /// The maximum number of bytes of notes that are searched in all segments: VMCOREINFO fits in a page, the
    /// processors' registers take less than this, and there may be many segments, which may overlap.
    static let limit: UInt64 = 1 << 22

    init(notes: [Range<UInt64>], of file: MappedFile) {
        var budget = Self.limit
        for note in notes {
            let size = min(note.upperBound - note.lowerBound, budget)
            budget -= size
            let text = try? file.withBytes(at: note.lowerBound, count: Int(size)) { bytes -> String? in
                guard let contents = ELFNote.find(ELF.vmcoreinfo, in: bytes) else { return nil }
                return bytes.extracting(contents).withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
            }
            guard let text else { continue }
            add(text)
            return
        }
    }

    /// Adds the information in `text`, which consists of lines of `KEY=value`.
    mutating func add(_ text: String) {
        for line in text.split(separator: "\n") {
            if pageSize == nil, line.hasPrefix("PAGESIZE=") { pageSize = String(line.dropFirst(9)) }
            if osRelease == nil, line.hasPrefix("OSRELEASE=") { osRelease = String(line.dropFirst(10)) }
            if line.hasPrefix(Self.leftOutKey) {
                let ranges = line.dropFirst(Self.leftOutKey.count).split(separator: ",").compactMap { text in
                    let ends = text.split(separator: "-").compactMap { UInt64(hexadecimal: String($0)) }
                    return ends.count == 2 && ends[0] < ends[1]
                        ? PhysicalAddress(ends[0])..<PhysicalAddress(ends[1]) : nil
                }
                leftOut = ranges.merged()
            }
        }
    }
}

// MARK: - Errors

/// The reason why a file cannot be read as an ELF core.
public enum ELFError: Error, Hashable, Sendable {
    /// The file does not begin with the ELF magic number.
    case notELF
    /// `EI_CLASS` is not `ELFCLASS64` (2).
    case notELF64(class: UInt8)
    /// `EI_DATA` is not `ELFDATA2LSB` (1): every machine that supports KHO is little-endian.
    case notLittleEndian(data: UInt8)
    /// `e_type` is not `ET_CORE` (4): a program or library, not a memory image.
    case notCore(type: UInt16)
    /// `e_phentsize` is not the size of `Elf64_Phdr`.
    case programHeaderSize(found: UInt16, expected: UInt16)
    /// `e_phnum` is `PN_XNUM`, meaning that there are more segments than it can count, but the section header with the
    /// number is missing.
    case noSegmentCount
    /// A structure that is required for reading lies beyond the end of the file.
    case outsideFile(structure: String, offset: UInt64, fileSize: UInt64)
    /// All segments have `p_paddr` 0 but have virtual addresses: a core of a process or from gdb, which does not
    /// describe physical memory.
    case noPhysicalAddresses
}

extension ELFError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .notELF: "not an ELF file"
        case .notELF64(let found): "EI_CLASS is \(found), not 2 (64 bits)"
        case .notLittleEndian(let found): "EI_DATA is \(found), not 1 (little-endian)"
        case .notCore(let found): "e_type is \(found), not 4 (core): not a memory image"
        case .programHeaderSize(let found, let expected): "e_phentsize is \(found), not \(expected)"
        case .noSegmentCount:
            "e_phnum is 0xffff (PN_XNUM), but there is no section header 0 with the number of segments"
        case .outsideFile(let structure, let offset, let fileSize):
            "the \(structure) at offset \(offset) is beyond the end of the file, which has \(fileSize) bytes"
        case .noPhysicalAddresses:
            "the core has no physical addresses (every p_paddr is 0): not a dump of physical memory"
        }
    }
}
