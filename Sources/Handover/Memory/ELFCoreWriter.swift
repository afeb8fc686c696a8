import KernelABI
import SystemPackage

/// Writes physical memory as an ELF64 core, the format that every reader of memory images accepts.
///
/// - One `PT_LOAD` per run of stored memory, at its physical address, with `p_vaddr` 0. Zero memory that is not stored
///   follows its run as `p_memsz` beyond `p_filesz`, and takes no space in the file.
/// - A `PT_NOTE` with VMCOREINFO: `OSRELEASE` and `PAGESIZE`, as far as known.
/// - Every segment starts at a multiple of the page size in the file, so it can be mapped.
/// - `PN_XNUM` for 65,535 program headers or more.
///
/// The same memory always produces the same bytes.
public struct ELFCoreWriter: Sendable {
    /// Determines `e_machine`, which is `EM_NONE` if the machine is unknown.
    public var machine: Machine?
    /// In bytes: `PAGESIZE`, and the alignment of the segments. A power of two; `nil` if unknown.
    public var pageSize: Int?
    /// The kernel's release, as in `uname -r`, if known.
    public var osRelease: String?
    /// Memory that should be there but is not; readers do not treat it as damage.
    public var leftOut: [Range<PhysicalAddress>] = []

    public init(machine: Machine?, pageSize: Int?, osRelease: String? = nil) {
        self.machine = machine
        self.pageSize = pageSize
        self.osRelease = osRelease
    }

    /// Writes `memory` to `descriptor`, at its offset, in chunks of 1 MiB, which are not kept.
    ///
    /// - Parameters:
    ///   - memory: The ranges to write; each becomes a segment.
    ///   - descriptor: An open file; the caller closes it.
    ///   - path: The file's name in errors.
    public func write(
        _ memory: some PhysicalMemory, to descriptor: FileDescriptor, path: FilePath
    ) throws(WriteError) {
        // File systems copy available bytes in large pieces. They find those of a mapping missing, and continue page by
        // page, which takes twice as long as copying them first.
        var portion: [UInt8] = []
        try write(memory) { bytes in
            portion.removeAll(keepingCapacity: true)
            portion.append(copying: bytes)
            do throws(Errno) {
                try descriptor.writeAll(portion.span.bytes)
                return nil
            } catch {
                return .cannotWrite(path: path, error)
            }
        }
    }

    /// The core of a memory that is small enough to be held twice.
    public func bytes(of memory: some PhysicalMemory) throws(WriteError) -> [UInt8] {
        var result: [UInt8] = []
        try write(memory) { bytes in
            result.append(copying: bytes)
            return nil
        }
        return result
    }

    /// Passes the file's bytes to `sink`, in order, until it returns an error.
    private func write(_ memory: some PhysicalMemory, _ sink: (RawSpan) -> FileError?) throws(WriteError) {
        let layout = layout(regions: memory.regions, stored: memory.storedExtents)
        if let error = sink(layout.headers.span.bytes) { throw .file(error) }

        var position = UInt64(layout.headers.count)
        for segment in layout.segments where segment.stored > 0 {
            if segment.offset > position {
                let padding = [UInt8](repeating: 0, count: Int(segment.offset - position))
                if let error = sink(padding.span.bytes) { throw .file(error) }
            }
            var done: UInt64 = 0
            while done < segment.stored {
                let count = min(segment.stored - done, 1 << 20)
                let start = PhysicalAddress(segment.start.rawValue + done)
                let error = try rethrow(memory.withBytes(at: start, count: Int(count), sink), as: WriteError.memory)
                if let error { throw .file(error) }
                done += count
                memory.release(start..<PhysicalAddress(segment.start.rawValue + done))
            }
            position = segment.offset + segment.stored
        }
    }

    /// The file layout of memory that is available in `regions` and stored in the extents `stored`.
    func layout(regions: [Range<PhysicalAddress>], stored: [Range<PhysicalAddress>]) -> ELFCoreLayout {
        ELFCoreLayout(
            regions: regions, stored: stored, machine: machine,
            alignment: UInt64(max(pageSize ?? PageSize.kib64.bytes, 1)),
            vmcoreinfo: vmcoreinfo)
    }

    private var vmcoreinfo: [UInt8] {
        var text = ""
        if let osRelease { text += "OSRELEASE=\(osRelease)\n" }
        if let pageSize { text += "PAGESIZE=\(pageSize)\n" }
        if !leftOut.isEmpty {
            let ranges = leftOut.map { "\($0.lowerBound)-\($0.upperBound)" }
            text += VMCoreInfo.leftOutKey + ranges.joined(separator: ",") + "\n"
        }
        var note: [UInt8] = []
        ELFNote.append(name: ELF.vmcoreinfo, contents: Array(text.utf8), to: &note)
        return note
    }
}
