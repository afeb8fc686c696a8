import KernelABI
import SystemPackage

/// A memory image in an ELF64 core file: `/proc/vmcore` and its copies, QEMU's `dump-guest-memory`, `makedumpfile -E`,
/// and what ``ELFCoreWriter`` makes.
///
/// Memory is what the `PT_LOAD` segments hold at their physical addresses (`p_paddr`).
///
/// - Bytes of a segment beyond its size in the file (`p_memsz` > `p_filesz`) read as zero. That is how a dump leaves
///   out pages, and how `crash` reads them.
/// - Where segments overlap, the one whose program header comes first is read. Cores made by kdump overlap: the
///   kernel's text has a segment of its own, with the same bytes.
/// - A file that was cut short still gives what it has; what it lacks is not available, and is listed in ``damage``.
public struct ELFCore: PhysicalMemory {
    public let regions: [Range<PhysicalAddress>]
    public let statedPageSize: Int?
    public let statedMachine: Machine?
    /// The kernel's release (`OSRELEASE` of VMCOREINFO), where the core has it.
    public let osRelease: String?
    public let leftOut: [Range<PhysicalAddress>]
    /// What is wrong with the file, though it can be read.
    public let damage: [Damage]

    /// Something wrong with a core that leaves part of it readable. Segments are named by their program header's index.
    public enum Damage: Hashable, Sendable {
        /// The file says that it has `stated` program headers, and has room for `present` of them.
        case programHeadersMissing(stated: UInt32, present: UInt32)
        /// The file has `count` of the `stated` bytes that its headers ask for: what is missing is not available.
        case cutShort(count: UInt64, stated: UInt64)
        /// The segment's range of physical addresses wraps around: it is left out.
        case segmentWraps(index: Int, address: PhysicalAddress, size: UInt64)
        /// `p_filesz` is greater than `p_memsz`: what is beyond the latter is left out.
        case segmentSizesDisagree(index: Int, fileSize: UInt64, memorySize: UInt64)
        /// `PAGESIZE` of VMCOREINFO is not 4096, 16384 or 65536: it is left out of account.
        case pageSize(String)
        /// `e_machine` is that of no machine that hands over.
        case machine(UInt16)
    }

    private let segments: FileSegments

    /// Whether a file that begins with these bytes is an ELF file. Sixteen bytes will do.
    public static func looksLikeOne(_ bytes: RawSpan) -> Bool {
        bytes.byteCount >= ELF.magic.count
            && ELF.magic.indices.allSatisfy { bytes.littleEndian(at: $0) == ELF.magic[$0] }
    }

    /// Reads the core's headers.
    ///
    /// - Throws: ``ELFError`` where the file is no ELF64 little-endian core with physical addresses.
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

    /// `e_phnum`, or `sh_info` of section header 0 where it says so.
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

    /// Program headers on their way to pieces.
    private struct SegmentTable {
        let fileSize: UInt64
        var damage: [Damage] = []
        /// The `PT_NOTE` segments, as offsets in the file.
        var notes: [Range<UInt64>] = []

        private(set) var segments: [FileSegments.Segment] = []
        /// Where the last segment ends in the file.
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

        /// How much of the segment's bytes the file has.
        private func stored(_ segment: ELFProgramHeader) -> UInt64 {
            segment.offset < fileSize ? min(segment.fileSize, fileSize - segment.offset) : 0
        }

        private mutating func load(_ segment: ELFProgramHeader, index: Int) {
            loads += 1
            if segment.physicalAddress == 0 { loadsAtZero += 1 }
            if segment.virtualAddress != 0 { hasVirtualAddresses = true }

            // Virtual memory that is not RAM, in /proc/kcore: it has no physical address.
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
            // None of these wrap: they are at most `end`.
            append(start..<PhysicalAddress(start.rawValue + present), offset: segment.offset)
            append(PhysicalAddress(start.rawValue + wanted)..<end, offset: nil)
        }

        private mutating func append(_ range: Range<PhysicalAddress>, offset: UInt64?) {
            if !range.isEmpty { segments.append(FileSegments.Segment(range: range, offset: offset)) }
        }
    }
}

// MARK: - VMCOREINFO

/// What we need of the note in which a kernel describes itself.
struct VMCoreInfo {
    var pageSize: String?
    var osRelease: String?
    /// What `collect` has not found where it should have been.
    var leftOut: [Range<PhysicalAddress>] = []

    /// The key of ``leftOut``, which no kernel writes.
    static let leftOutKey = "LUO_FDT_LEFT_OUT="

    /// The most bytes of notes that are searched, all segments together: a kernel keeps VMCOREINFO within a page,
    /// the processors' registers come to less than this, and segments may be many and overlap.
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

    /// Adds what `text`, lines of `KEY=value`, says.
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

/// Why a file is not read as an ELF core.
public enum ELFError: Error, Hashable, Sendable {
    /// The file does not begin with ELF's magic number.
    case notELF
    /// `EI_CLASS` is not `ELFCLASS64` (2).
    case notELF64(class: UInt8)
    /// `EI_DATA` is not `ELFDATA2LSB` (1): every machine that has KHO is little-endian.
    case notLittleEndian(data: UInt8)
    /// `e_type` is not `ET_CORE` (4): a program or library, not a memory image.
    case notCore(type: UInt16)
    /// `e_phentsize` is not the size of `Elf64_Phdr`.
    case programHeaderSize(found: UInt16, expected: UInt16)
    /// `e_phnum` is `PN_XNUM`: there are more segments than it can count, and the section header that counts them is
    /// missing.
    case noSegmentCount
    /// A structure without which nothing can be read lies beyond the end of the file.
    case outsideFile(structure: String, offset: UInt64, fileSize: UInt64)
    /// Every segment has `p_paddr` 0 and there are virtual addresses: the core of a process or of gdb, which says
    /// nothing of physical memory.
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
            "e_phnum is 0xffff (PN_XNUM), and there is no section header 0 that says how many segments there are"
        case .outsideFile(let structure, let offset, let fileSize):
            "the \(structure) at offset \(offset) is beyond the end of the file, which has \(fileSize) bytes"
        case .noPhysicalAddresses:
            "the core has no physical addresses (every p_paddr is 0): not a dump of physical memory"
        }
    }
}
