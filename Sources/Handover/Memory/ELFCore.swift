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
    /// What is wrong with the file, though it can be read.
    public let damage: [Damage]

    /// Something wrong with a core that leaves part of it readable. Segments are named by their program header's index.
    public enum Damage: Hashable, Sendable {
        /// The file says that it has `stated` program headers, and has room for `present` of them.
        case programHeadersMissing(stated: UInt32, present: UInt32)
        /// The file ends before the segment does: its last `missing` bytes are not available.
        case segmentCutShort(index: Int, address: PhysicalAddress, missing: UInt64)
        /// The segment's range of physical addresses wraps around (as for memory without a physical address, whose
        /// `p_paddr` is -1): it is left out.
        case segmentWraps(index: Int, address: PhysicalAddress, size: UInt64)
        /// `p_filesz` is greater than `p_memsz`: what is beyond the latter is left out.
        case segmentSizesDisagree(index: Int, fileSize: UInt64, memorySize: UInt64)
        /// `PAGESIZE` of VMCOREINFO is not 4096, 16384 or 65536: it is left out of account.
        case pageSize(String)
    }

    private let file: MappedFile
    private let pieces: ExtentTable<Piece>

    /// Adjacent memory that is also adjacent in the file, or zero.
    private struct Piece: MemoryExtent, Sendable {
        var range: Range<PhysicalAddress>
        /// Where it starts in the file, or `nil` for zeroes.
        var offset: UInt64?
    }

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
                structure: "program headers", offset: header.programHeaderOffset, fileSize: file.count)
        }

        var table = SegmentTable(fileSize: file.count)
        if present < count { table.damage.append(.programHeadersMissing(stated: count, present: present)) }
        do {
            try file.withBytes(
                at: present > 0 ? header.programHeaderOffset : 0, count: Int(present) * ELFProgramHeader.size
            ) { bytes in
                for index in 0..<Int(present) {
                    table.add(ELFProgramHeader(bytes, at: index * ELFProgramHeader.size), index: index)
                }
            }
        } catch {
            throw .outsideFile(
                structure: "program headers", offset: header.programHeaderOffset, fileSize: file.count)
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
        statedMachine = Machine(elfMachine: header.machine)
        damage = table.damage
        pieces = ExtentTable(table.pieces())
        regions = mergeAdjacent(pieces.lazy.map(\.range))
        self.file = file
    }

    public var storedExtents: [Range<PhysicalAddress>] {
        pieces.compactMap { $0.offset == nil ? nil : $0.range }
    }

    public func withBytes<Result>(
        at address: PhysicalAddress, count: Int, _ body: (RawSpan) -> Result
    ) throws(MemoryError) -> Result {
        guard count >= 0, let end = address.advanced(by: UInt64(count)) else {
            throw .notAvailable(address: address, count: count)
        }
        if count == 0 { return body([UInt8]().span.bytes) }
        guard let indices = pieces.indices(covering: address..<end) else {
            throw .notAvailable(address: address, count: count)
        }
        if indices.count == 1 {
            return try withBytes(of: pieces[indices.lowerBound], at: address, count: count, body)
        }
        if count > CopiedRead.limit { throw CopiedRead.tooLong(address, count) }
        var copy: [UInt8] = []
        copy.reserveCapacity(count)
        for piece in pieces[indices] {
            let part = piece.range.clamped(to: address..<end)
            let length = Int(part.upperBound.rawValue - part.lowerBound.rawValue)
            try withBytes(of: piece, at: part.lowerBound, count: length) { copy.append(copying: $0) }
        }
        return body(copy.span.bytes)
    }

    public func release(_ range: Range<PhysicalAddress>) {
        let first = pieces.firstIndex(endingBehind: range.lowerBound)
        for piece in pieces[first...].prefix(while: { $0.range.lowerBound < range.upperBound }) {
            guard let offset = piece.offset else { continue }
            let part = piece.range.clamped(to: range)
            file.release(
                at: offset + (part.lowerBound.rawValue - piece.range.lowerBound.rawValue),
                count: part.upperBound.rawValue - part.lowerBound.rawValue)
        }
    }

    /// Reads within one piece.
    private func withBytes<Result>(
        of piece: Piece, at address: PhysicalAddress, count: Int, _ body: (RawSpan) -> Result
    ) throws(MemoryError) -> Result {
        guard let offset = piece.offset else {
            return try CopiedRead.withZeroes(at: address, count: count, body)
        }
        do {
            return try file.withBytes(
                at: offset + (address.rawValue - piece.range.lowerBound.rawValue), count: count, body)
        } catch {
            throw .unreadable(address: address, count: count, reason: "\(error)")
        }
    }
}

// MARK: - Headers

extension ELFCore {
    private static func header(of file: MappedFile) throws(ELFError) -> ELFHeader {
        let read: Result<ELFHeader, ELFError>
        do {
            read = try file.withBytes(at: 0, count: Int(min(file.count, UInt64(ELFHeader.size)))) { bytes in
                guard looksLikeOne(bytes) else { return .failure(.notELF) }
                guard bytes.byteCount == ELFHeader.size else {
                    return .failure(.outsideFile(structure: "ELF header", offset: 0, fileSize: file.count))
                }
                let elfClass: UInt8 = bytes.littleEndian(at: ELF.classIndex)
                guard elfClass == ELF.class64 else { return .failure(.notELF64(class: elfClass)) }
                let byteOrder: UInt8 = bytes.littleEndian(at: ELF.byteOrderIndex)
                guard byteOrder == ELF.littleEndian else { return .failure(.notLittleEndian(data: byteOrder)) }
                return .success(ELFHeader(bytes))
            }
        } catch {
            throw .outsideFile(structure: "ELF header", offset: 0, fileSize: file.count)
        }
        let header = try read.get()
        guard header.type == ELF.typeCore else { throw .notCore(type: header.type) }
        guard header.programHeaderCount == 0 || Int(header.programHeaderSize) == ELFProgramHeader.size else {
            throw .programHeaderSize(found: header.programHeaderSize, expected: UInt16(ELFProgramHeader.size))
        }
        return header
    }

    /// `e_phnum`, or `sh_info` of section header 0 where it says so.
    private static func programHeaderCount(of file: MappedFile, _ header: ELFHeader) throws(ELFError) -> UInt32 {
        guard header.programHeaderCount == ELF.extendedNumbering else { return UInt32(header.programHeaderCount) }
        do {
            return try file.withBytes(at: header.sectionHeaderOffset, count: ELFSectionHeader.size) {
                $0.littleEndian(at: ELFSectionHeader.infoOffset)
            }
        } catch {
            throw .outsideFile(
                structure: "section header 0 (e_phnum is PN_XNUM)", offset: header.sectionHeaderOffset,
                fileSize: file.count)
        }
    }

    /// Program headers on their way to pieces.
    private struct SegmentTable {
        let fileSize: UInt64
        var damage: [Damage] = []
        /// The `PT_NOTE` segments, as offsets in the file.
        var notes: [Range<UInt64>] = []

        private var ranges: [Range<PhysicalAddress>] = []
        /// The offset of each range in the file, `nil` for zeroes.
        private var offsets: [UInt64?] = []
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
            if present < wanted {
                damage.append(.segmentCutShort(index: index, address: start, missing: wanted - present))
            }
            // None of these wrap: they are at most `end`.
            append(start..<PhysicalAddress(start.rawValue + present), offset: segment.offset)
            append(PhysicalAddress(start.rawValue + wanted)..<end, offset: nil)
        }

        private mutating func append(_ range: Range<PhysicalAddress>, offset: UInt64?) {
            guard !range.isEmpty else { return }
            ranges.append(range)
            offsets.append(offset)
        }

        func pieces() -> [Piece] {
            var result: [Piece] = []
            for extent in resolveOverlaps(ranges) {
                let offset = offsets[extent.owner].map {
                    $0 + (extent.range.lowerBound.rawValue - ranges[extent.owner].lowerBound.rawValue)
                }
                if let last = result.last, last.range.upperBound == extent.range.lowerBound,
                    offset == last.offset.map({ $0 + (last.range.upperBound.rawValue - last.range.lowerBound.rawValue) })
                {
                    result[result.count - 1].range = last.range.lowerBound..<extent.range.upperBound
                } else {
                    result.append(Piece(range: extent.range, offset: offset))
                }
            }
            return result
        }
    }
}

// MARK: - VMCOREINFO

/// What we need of the note in which a kernel describes itself.
private struct VMCoreInfo {
    var pageSize: String?
    var osRelease: String?

    /// The most bytes of notes that are searched, all segments together: a kernel keeps VMCOREINFO within a page,
    /// the processors' registers come to less than this, and segments may be many and overlap.
    private static let limit: UInt64 = 1 << 22

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
            for line in text.split(separator: "\n") {
                if pageSize == nil, line.hasPrefix("PAGESIZE=") { pageSize = String(line.dropFirst(9)) }
                if osRelease == nil, line.hasPrefix("OSRELEASE=") { osRelease = String(line.dropFirst(10)) }
            }
            return
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
        case .outsideFile(let structure, let offset, let fileSize):
            "the \(structure) at offset \(offset) is beyond the end of the file, which has \(fileSize) bytes"
        case .noPhysicalAddresses:
            "the core has no physical addresses (every p_paddr is 0): not a dump of physical memory"
        }
    }
}

extension ELFCore.Damage: CustomStringConvertible {
    public var description: String {
        switch self {
        case .programHeadersMissing(let stated, let present):
            "only \(present) of \(stated) program headers are within the file"
        case .segmentCutShort(let index, let address, let missing):
            "segment \(index) at \(address): its last \(missing) bytes are beyond the end of the file"
        case .segmentWraps(let index, let address, let size):
            "segment \(index) at \(address): \(size) bytes wrap around the end of the address space; left out"
        case .segmentSizesDisagree(let index, let fileSize, let memorySize):
            "segment \(index): p_filesz \(fileSize) is greater than p_memsz \(memorySize)"
        case .pageSize(let text):
            "PAGESIZE=\(text) of VMCOREINFO is no page size that we know"
        }
    }
}
