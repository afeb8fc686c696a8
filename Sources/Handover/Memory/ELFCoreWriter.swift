import KernelABI
import SystemPackage

/// Writes physical memory as an ELF64 core, the form that every reader of memory images takes.
///
/// - One `PT_LOAD` per run of stored memory, at its physical address, with `p_vaddr` 0. Memory that is zero without
///   being stored follows its run as `p_memsz` beyond `p_filesz`, and takes no room in the file.
/// - A `PT_NOTE` with VMCOREINFO: `OSRELEASE` and `PAGESIZE`, as far as they are known.
/// - Every segment starts at a multiple of the page size in the file, which can so be mapped.
/// - 65,535 program headers and more by `PN_XNUM`.
///
/// The same memory always gives the same bytes.
public struct ELFCoreWriter: Sendable {
    /// Decides `e_machine`, which is `EM_NONE` if the machine is not known.
    public var machine: Machine?
    /// In bytes: `PAGESIZE`, and the alignment of the segments. A power of two; `nil` if it is not known.
    public var pageSize: Int?
    /// The kernel's release, as `uname -r` gives it, if it is known.
    public var osRelease: String?
    /// What the memory should have, and has not: readers do not take it for damage.
    public var leftOut: [Range<PhysicalAddress>] = []

    public init(machine: Machine?, pageSize: Int?, osRelease: String? = nil) {
        self.machine = machine
        self.pageSize = pageSize
        self.osRelease = osRelease
    }

    /// Writes `memory` to `descriptor`, at its offset. Pages pass through in portions of 1 MiB, and are not held.
    ///
    /// - Parameters:
    ///   - memory: the ranges to write, each a segment.
    ///   - descriptor: an open file; the caller closes it.
    ///   - path: The file's name in errors.
    public func write(
        _ memory: some PhysicalMemory, to descriptor: FileDescriptor, path: FilePath
    ) throws(WriteError) {
        // A file system takes bytes that are available in large pieces. Those of a mapping it finds missing, and goes
        // on page by page, which takes twice as long as to copy them first.
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

    /// Hands the file's bytes to `sink` in their order, until it returns an error.
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

    /// Where memory that is available in `regions`, and stored in the extents `stored`, lies in the file.
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
