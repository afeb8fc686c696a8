import KernelABI
import SystemPackage

/// Writes physical memory as an ELF64 core, the form that every reader of memory images takes.
///
/// - One `PT_LOAD` per run of stored memory, at its physical address, with `p_vaddr` 0. Memory that is zero without
///   being stored follows its run as `p_memsz` beyond `p_filesz`, and takes no room in the file.
/// - A `PT_NOTE` with VMCOREINFO: `OSRELEASE` and `PAGESIZE`.
/// - Every segment starts at a multiple of the page size in the file, which can so be mapped.
/// - 65,535 program headers and more by `PN_XNUM`.
///
/// The same memory always gives the same bytes.
public struct ELFCoreWriter: Sendable {
    /// Decides `e_machine`.
    public var machine: Machine
    /// In bytes: `PAGESIZE`, and the alignment of the segments. A power of two.
    public var pageSize: Int
    /// The kernel's release, as `uname -r` gives it, if it is known.
    public var osRelease: String?

    public init(machine: Machine, pageSize: Int, osRelease: String? = nil) {
        self.machine = machine
        self.pageSize = pageSize
        self.osRelease = osRelease
    }

    /// Writes `memory` to `descriptor`, at its offset. Pages pass through in portions of 1 MiB, and are not held.
    ///
    /// - Parameter path: The file's name in errors.
    public func write(
        _ memory: some PhysicalMemory, to descriptor: FileDescriptor, path: FilePath
    ) throws(ELFWriteError) {
        try write(memory) { bytes in
            do throws(Errno) {
                try descriptor.writeAll(bytes)
                return nil
            } catch {
                return .cannotWrite(path: path, error)
            }
        }
    }

    /// The core of a memory that is small enough to be held twice.
    public func bytes(of memory: some PhysicalMemory) throws(ELFWriteError) -> [UInt8] {
        var result: [UInt8] = []
        try write(memory) { bytes in
            result.append(copying: bytes)
            return nil
        }
        return result
    }

    /// Hands the file's bytes to `sink` in their order, until it returns an error.
    private func write(_ memory: some PhysicalMemory, _ sink: (RawSpan) -> FileError?) throws(ELFWriteError) {
        let alignment = UInt64(max(pageSize, 1))
        let runs = Self.runs(of: memory)
        let note = vmcoreinfo
        let (headers, offsets) = headers(for: runs, note: note, alignment: alignment)
        if let error = sink(headers.span.bytes) { throw .file(error) }

        var position = UInt64(headers.count)
        for (run, offset) in zip(runs, offsets) where run.stored > 0 {
            if offset > position {
                let padding = [UInt8](repeating: 0, count: Int(offset - position))
                if let error = sink(padding.span.bytes) { throw .file(error) }
            }
            var done: UInt64 = 0
            while done < run.stored {
                let count = min(run.stored - done, 1 << 20)
                let start = PhysicalAddress(run.start.rawValue + done)
                let error: FileError?
                do {
                    error = try memory.withBytes(at: start, count: Int(count), sink)
                } catch {
                    throw .memory(error)
                }
                if let error { throw .file(error) }
                done += count
                memory.release(start..<PhysicalAddress(run.start.rawValue + done))
            }
            position = offset + run.stored
        }
    }

    /// What one segment holds.
    private struct Run {
        var start: PhysicalAddress
        /// The bytes in the file, and those in memory: the rest is zero.
        var stored: UInt64
        var size: UInt64
    }

    private static func runs(of memory: some PhysicalMemory) -> [Run] {
        let stored = mergeAdjacent(memory.storedExtents)
        var next = 0
        var runs: [Run] = []
        for region in memory.regions {
            var position = region.lowerBound
            while position < region.upperBound {
                while next < stored.count, stored[next].upperBound <= position { next += 1 }
                let extent = next < stored.count ? stored[next].clamped(to: position..<region.upperBound) : nil
                guard let extent, !extent.isEmpty else {
                    extend(&runs, from: position, to: region.upperBound)
                    break
                }
                extend(&runs, from: position, to: extent.lowerBound)
                let size = extent.upperBound.rawValue - extent.lowerBound.rawValue
                runs.append(Run(start: extent.lowerBound, stored: size, size: size))
                position = extent.upperBound
            }
        }
        return runs
    }

    /// Adds zeroes, to the last run where it ends there.
    private static func extend(_ runs: inout [Run], from start: PhysicalAddress, to end: PhysicalAddress) {
        guard start < end else { return }
        let size = end.rawValue - start.rawValue
        if let last = runs.last, last.start.rawValue + last.size == start.rawValue {
            runs[runs.count - 1].size += size
        } else {
            runs.append(Run(start: start, stored: 0, size: size))
        }
    }

    private var vmcoreinfo: [UInt8] {
        var text = ""
        if let osRelease { text += "OSRELEASE=\(osRelease)\n" }
        text += "PAGESIZE=\(pageSize)\n"
        var note: [UInt8] = []
        ELFNote.append(name: ELF.vmcoreinfo, contents: Array(text.utf8), to: &note)
        return note
    }

    /// All that comes before the first page, and where each run's bytes are to lie in the file.
    private func headers(for runs: [Run], note: [UInt8], alignment: UInt64) -> (bytes: [UInt8], offsets: [UInt64]) {
        let count = runs.count + 1
        let isExtended = count >= Int(ELF.extendedNumbering)
        let tableEnd = UInt64(ELFHeader.size + count * ELFProgramHeader.size)
        let noteOffset = tableEnd + (isExtended ? UInt64(ELFSectionHeader.size) : 0)

        var bytes: [UInt8] = []
        bytes.reserveCapacity(Int(noteOffset) + note.count)
        ELFHeader(
            type: ELF.typeCore, machine: machine.elfMachine, programHeaderOffset: UInt64(ELFHeader.size),
            sectionHeaderOffset: isExtended ? tableEnd : 0, programHeaderSize: UInt16(ELFProgramHeader.size),
            programHeaderCount: isExtended ? ELF.extendedNumbering : UInt16(count),
            sectionHeaderSize: isExtended ? UInt16(ELFSectionHeader.size) : 0,
            sectionHeaderCount: isExtended ? 1 : 0
        ).append(to: &bytes)
        ELFProgramHeader(
            type: ELF.segmentNote, flags: 0, offset: noteOffset, virtualAddress: 0, physicalAddress: 0,
            fileSize: UInt64(note.count), memorySize: 0, alignment: 4
        ).append(to: &bytes)

        var offsets: [UInt64] = []
        offsets.reserveCapacity(runs.count)
        var end = noteOffset + UInt64(note.count)
        for run in runs {
            let offset = (end + alignment - 1) / alignment * alignment
            ELFProgramHeader(
                type: ELF.segmentLoad, flags: ELF.readable, offset: offset, virtualAddress: 0,
                physicalAddress: run.start.rawValue, fileSize: run.stored, memorySize: run.size,
                alignment: alignment
            ).append(to: &bytes)
            offsets.append(offset)
            end = run.stored > 0 ? offset + run.stored : end
        }
        if isExtended { ELFSectionHeader.append(programHeaderCount: UInt32(count), to: &bytes) }
        bytes += note
        return (bytes, offsets)
    }
}

/// Why a core could not be written.
public enum ELFWriteError: Error, Hashable, Sendable {
    /// The memory to be written could not be read.
    case memory(MemoryError)
    case file(FileError)
}

extension ELFWriteError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .memory(let error): "\(error)"
        case .file(let error): "\(error)"
        }
    }
}
