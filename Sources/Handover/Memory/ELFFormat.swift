import KernelABI

/// The parts of ELF (`<elf.h>`) that memory images use.
enum ELF {
    static let magic: [UInt8] = [0x7F, 0x45, 0x4C, 0x46]
    /// `EI_CLASS` and the value `ELFCLASS64`.
    static let classIndex = 4
    static let class64: UInt8 = 2
    /// `EI_DATA` and the value `ELFDATA2LSB`.
    static let byteOrderIndex = 5
    static let littleEndian: UInt8 = 1
    /// `EM_NONE`.
    static let noMachine: UInt16 = 0
    /// `ET_CORE`.
    static let typeCore: UInt16 = 4
    /// `PN_XNUM`: the number of program headers does not fit, and is in the first section header.
    static let extendedNumbering: UInt16 = 0xFFFF
    static let segmentLoad: UInt32 = 1
    static let segmentNote: UInt32 = 4
    /// `PF_R`.
    static let readable: UInt32 = 4
    /// The name of the note in which a kernel describes itself: lines of `KEY=value`.
    static let vmcoreinfo = "VMCOREINFO"
}

/// `Elf64_Ehdr`, without the fields that are zero in a core.
struct ELFHeader {
    static let size = 64

    var type: UInt16
    var machine: UInt16
    var programHeaderOffset: UInt64
    var sectionHeaderOffset: UInt64
    var programHeaderSize: UInt16
    var programHeaderCount: UInt16
    var sectionHeaderSize: UInt16
    var sectionHeaderCount: UInt16
}

extension ELFHeader {
    /// Reads a header whose first 16 bytes have been checked.
    init(_ bytes: RawSpan) {
        type = bytes.littleEndian(at: 16)
        machine = bytes.littleEndian(at: 18)
        programHeaderOffset = bytes.littleEndian(at: 32)
        sectionHeaderOffset = bytes.littleEndian(at: 40)
        programHeaderSize = bytes.littleEndian(at: 54)
        programHeaderCount = bytes.littleEndian(at: 56)
        sectionHeaderSize = bytes.littleEndian(at: 58)
        sectionHeaderCount = bytes.littleEndian(at: 60)
    }

    func append(to bytes: inout [UInt8]) {
        bytes += ELF.magic
        bytes += [ELF.class64, ELF.littleEndian, 1, 0]  // EI_VERSION, ELFOSABI_NONE
        bytes += [UInt8](repeating: 0, count: 8)
        bytes.append(littleEndian: type)
        bytes.append(littleEndian: machine)
        bytes.append(littleEndian: 1 as UInt32)  // e_version
        bytes.append(littleEndian: 0 as UInt64)  // e_entry
        bytes.append(littleEndian: programHeaderOffset)
        bytes.append(littleEndian: sectionHeaderOffset)
        bytes.append(littleEndian: 0 as UInt32)  // e_flags
        bytes.append(littleEndian: UInt16(Self.size))
        bytes.append(littleEndian: programHeaderSize)
        bytes.append(littleEndian: programHeaderCount)
        bytes.append(littleEndian: sectionHeaderSize)
        bytes.append(littleEndian: sectionHeaderCount)
        bytes.append(littleEndian: 0 as UInt16)  // e_shstrndx
    }
}

/// `Elf64_Phdr`.
struct ELFProgramHeader {
    static let size = 56

    var type: UInt32
    var flags: UInt32
    var offset: UInt64
    var virtualAddress: UInt64
    var physicalAddress: UInt64
    var fileSize: UInt64
    var memorySize: UInt64
    var alignment: UInt64
}

extension ELFProgramHeader {
    init(_ bytes: RawSpan, at start: Int) {
        type = bytes.littleEndian(at: start)
        flags = bytes.littleEndian(at: start + 4)
        offset = bytes.littleEndian(at: start + 8)
        virtualAddress = bytes.littleEndian(at: start + 16)
        physicalAddress = bytes.littleEndian(at: start + 24)
        fileSize = bytes.littleEndian(at: start + 32)
        memorySize = bytes.littleEndian(at: start + 40)
        alignment = bytes.littleEndian(at: start + 48)
    }

    func append(to bytes: inout [UInt8]) {
        bytes.append(littleEndian: type)
        bytes.append(littleEndian: flags)
        bytes.append(littleEndian: offset)
        bytes.append(littleEndian: virtualAddress)
        bytes.append(littleEndian: physicalAddress)
        bytes.append(littleEndian: fileSize)
        bytes.append(littleEndian: memorySize)
        bytes.append(littleEndian: alignment)
    }
}

/// `Elf64_Shdr`. A core has at most one: the first, which holds the number of program headers.
enum ELFSectionHeader {
    static let size = 64
    /// The offset of `sh_info`, which has 32 bits.
    static let infoOffset = 44

    /// Appends section header 0, as the kernel's `fill_extnum_info` does.
    static func append(programHeaderCount: UInt32, to bytes: inout [UInt8]) {
        bytes += [UInt8](repeating: 0, count: 32)
        bytes.append(littleEndian: 1 as UInt64)  // sh_size: the number of section headers
        bytes.append(littleEndian: 0 as UInt32)  // sh_link
        bytes.append(littleEndian: programHeaderCount)
        bytes += [UInt8](repeating: 0, count: 16)
    }
}

/// `Elf64_Nhdr` with its name and contents, each padded to 4 bytes.
enum ELFNote {
    static let headerSize = 12

    /// The contents of the first note with this name, as offsets into `notes`. The search ends at the first malformed
    /// note.
    static func find(_ name: String, in notes: RawSpan) -> Range<Int>? {
        var position = 0
        while notes.byteCount - position >= headerSize {
            let nameSize = Int(notes.littleEndian(at: position, as: UInt32.self))
            let size = Int(notes.littleEndian(at: position + 4, as: UInt32.self))
            let start = position + headerSize + padded(nameSize)
            guard start + size <= notes.byteCount else { return nil }
            // The size includes the terminating NUL.
            let nameMatches =
                nameSize == name.utf8.count + 1
                && name.utf8.enumerated().allSatisfy { index, byte in
                    notes.littleEndian(at: position + headerSize + index) == byte
                }
            if nameMatches { return start..<start + size }
            position = start + padded(size)
        }
        return nil
    }

    static func append(name: String, contents: some Collection<UInt8>, to bytes: inout [UInt8]) {
        bytes.append(littleEndian: UInt32(name.utf8.count + 1))
        bytes.append(littleEndian: UInt32(contents.count))
        bytes.append(littleEndian: 0 as UInt32)  // n_type
        bytes += name.utf8
        bytes += [UInt8](repeating: 0, count: padded(name.utf8.count + 1) - name.utf8.count)
        bytes += contents
        bytes += [UInt8](repeating: 0, count: padded(contents.count) - contents.count)
    }

    private static func padded(_ size: Int) -> Int { (size + 3) & ~3 }
}
