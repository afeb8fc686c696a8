import KernelABI

/// The header of a kdump-compressed dump: its layout, and information about the machine.
struct DumpHeader: Sendable {
    /// The size of a page in the dump, and of the file's blocks.
    let pageSize: UInt64
    /// The range of the bitmaps in the file.
    let bitmaps: Range<UInt64>
    /// One more than the highest page frame number, as stated in the header.
    let pageCount: UInt64
    let isIncomplete: Bool
    let dumpLevel: UInt32
    /// The page frames of a part of a split dump.
    let part: Range<UInt64>?
    /// The machine's name as in `uname -m`; empty if the dump does not state it.
    let machineName: KernelString
    var machine: Machine? { machineName.validString.flatMap(Machine.init(rawValue:)) }
    /// Whether it has the name that QEMU writes for any machine.
    var isOfUnnamedMachine: Bool { machineName == "Unknown" || machineName.bytes.isEmpty }
    let release: String?
    /// The machine's host name.
    let host: String
    let info: VMCoreInfo

    init(_ file: MappedFile) throws(CrashDumpError) {
        let layout = DumpHeaderLayout.layout
        let main = try file.bytes(at: 0, count: layout.structure.size)
        let header = main.span.bytes
        guard CrashDump.looksLikeOne(header) else { throw .notADump }
        let blockSize = layout.blockSize.read(header)
        // QEMU dumps all arm64 guests with 64 KiB blocks.
        guard PageSize(rawValue: Int(blockSize)) != nil else {
            throw .header(field: "block_size", found: blockSize, expected: "4096, 16384 or 65536")
        }
        pageSize = UInt64(blockSize)
        let subHeader = UInt64(layout.subHeaderBlocks.read(header)) * pageSize
        bitmaps = pageSize + subHeader..<pageSize + subHeader + UInt64(layout.bitmapBlocks.read(header)) * pageSize
        isIncomplete = layout.status.read(header) & DumpHeaderLayout.incomplete != 0
        machineName = layout.machine.read(header)
        let release = layout.release.read(header).validString ?? ""
        self.release = release.isEmpty ? nil : release
        host = layout.host.read(header).validString ?? ""

        let subLayout = DumpSubHeaderLayout.layout
        let rest = try file.bytes(at: pageSize, count: subLayout.structure.size)
        let sub = rest.span.bytes
        dumpLevel = subLayout.dumpLevel.read(sub)
        let is64Bits = layout.version.read(header) >= DumpSubHeaderLayout.versionOf64Bits
        let count = is64Bits ? subLayout.pageCount64.read(sub) : 0
        pageCount = count > 0 ? count : UInt64(layout.pageCount.read(header))
        if subLayout.split.read(sub) != 0 {
            let start = (is64Bits ? subLayout.startPage64 : subLayout.startPage).read(sub)
            let end = (is64Bits ? subLayout.endPage64 : subLayout.endPage).read(sub)
            part = start..<max(start, end)
        } else {
            part = nil
        }
        info = VMCoreInfo(
            of: file, at: subLayout.infoOffset.read(sub), count: subLayout.infoSize.read(sub),
            notesAt: subLayout.notesOffset.read(sub), count: subLayout.notesSize.read(sub))
    }

    /// The machine's page size, if known: if QEMU omits the machine's name, the block size means nothing.
    var statedPageSize: Int? {
        if let stated = info.pageSize { return Int(stated).flatMap { PageSize(rawValue: $0)?.bytes } }
        return machine == nil ? nil : Int(pageSize)
    }
}

extension DumpHeader {
    /// Pages as addresses; `nil` if there are none, or if they exceed the address space.
    func addresses(of pages: Range<UInt64>) -> Range<PhysicalAddress>? {
        let (start, startWraps) = pages.lowerBound.multipliedReportingOverflow(by: pageSize)
        let (end, endWraps) = pages.upperBound.multipliedReportingOverflow(by: pageSize)
        return startWraps || endWraps || pages.isEmpty ? nil : PhysicalAddress(start)..<PhysicalAddress(end)
    }
}

extension VMCoreInfo {
    /// Reads VMCOREINFO, stored by itself or among ELF notes.
    fileprivate init(
        of file: MappedFile, at offset: UInt64, count: UInt64, notesAt notes: UInt64, count notesCount: UInt64
    ) {
        self.init(notes: notesCount == 0 ? [] : [notes..<notes.addingSaturating(notesCount)], of: file)
        if count > 0, count <= VMCoreInfo.limit, let bytes = try? file.bytes(at: offset, count: Int(count)) {
            add(String(decoding: bytes, as: UTF8.self))
        }
    }
}

extension MappedFile {
    /// A copy of `count` bytes that are required to read the dump.
    fileprivate func bytes(at offset: UInt64, count: Int) throws(CrashDumpError) -> [UInt8] {
        return try rethrow(withBytes(at: offset, count: count) { [UInt8](copying: $0) }) { (_: FileError) in
            CrashDumpError.cutShort(count: self.count, stated: offset.addingSaturating(UInt64(count)))
        }
    }
}

/// The reason why a file cannot be read as a kdump-compressed dump.
public enum CrashDumpError: Error, Hashable, Sendable {
    /// The file does not begin with the dump signature.
    case notADump
    /// The file has only `count` bytes of at least `stated`, and ends before the pages begin.
    case cutShort(count: UInt64, stated: UInt64)
    /// A header field has a value that makes the dump unreadable.
    case header(field: String, found: UInt32, expected: String)
}

extension CrashDumpError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .notADump: "it does not begin with \"\(DumpHeaderLayout.signatureText)\""
        case .cutShort(let count, let stated): "truncated: \(count) of at least \(stated) bytes"
        case .header(let field, let found, let expected):
            "\(DumpHeaderLayout.layout.structure.name).\(field): found \(found), expected \(expected)"
        }
    }
}
