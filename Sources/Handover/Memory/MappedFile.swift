import CFiles
import Glibc
import KernelABI
import SystemPackage

/// A file's contents, for bounds-checked reading at any offset.
///
/// - A regular file is mapped (`mmap`, `PROT_READ`, `MAP_PRIVATE`), so a memory image of any size costs only what is
///   read.
/// - A file that can be neither mapped nor held in memory (`/proc/kcore`, `/dev/mem`) is read in pieces, on demand.
/// - A small file that cannot be mapped (in sysfs or debugfs) is read as a whole.
/// - A pipe is read as a whole, too; more than ``heldSize`` goes to a temporary file in `TMPDIR`.
///
/// - Important: A mapped file must not be truncated while in use: accessing what is gone raises `SIGBUS`, which the
///   command handles.
public final class MappedFile: Sendable {
    /// The path used to open the file: its name in errors.
    public let path: FilePath
    /// The file's size in bytes. A device without a size extends to the end of the address space.
    public let count: UInt64
    /// Whether the file has holes, which read as zero and take no disk space.
    private let hasHoles: Bool
    /// Whether the file's contents show that it is truncated: a flattened dump without its end.
    let isCutShort: Bool

    private let storage: Storage
    /// The mapped file, for copies made by the kernel.
    let descriptor: FileDescriptor?

    private enum Storage: @unchecked Sendable {
        /// Read-only until unmapped in `deinit`, so it is safe to share.
        case mapping(UnsafeRawBufferPointer)
        case bytes([UInt8])
        case onDemand(FileOnDemand)
        /// Another file's pieces in their right order: addresses are offsets in this file.
        case rearranged(FileSegments)
    }

    /// The maximum amount held of a file that cannot be mapped.
    public static let heldSize = 16 << 20

    /// Opens the file at `path`.
    ///
    /// - Throws: ``FileError`` if the file does not exist, is not readable, is a directory, or is empty.
    public convenience init(path: FilePath) throws(FileError) {
        let descriptor = try FileDescriptor.open(reading: path)
        defer { try? descriptor.close() }
        try self.init(descriptor: descriptor, path: path)
    }

    /// Maps the file that `descriptor` refers to, or reads it to its end. The caller still owns the descriptor.
    ///
    /// - Parameters:
    ///   - descriptor: An open file.
    ///   - path: The file's name in errors.
    public init(descriptor: FileDescriptor, path: FilePath) throws(FileError) {
        self.path = path
        isCutShort = false
        do throws(Errno) {
            let stat = try descriptor.status()
            if stat.type == .directory { throw Errno.isDirectory }
            if let mapping = try Self.map(descriptor, stat) {
                storage = .mapping(mapping)
                hasHoles = descriptor.hasHoles(stat)
                count = UInt64(mapping.count)
                self.descriptor = try? descriptor.duplicate()
                avoidHoles()
                return
            }
            if let file = try FileOnDemand(descriptor, stat) {
                storage = .onDemand(file)
                hasHoles = false
                count = file.count
                self.descriptor = nil
                return
            }
            var bytes: [UInt8] = []
            while try descriptor.readPortion(appendingTo: &bytes) > 0 {
                guard bytes.count > Self.heldSize else { continue }
                let copy = try descriptor.copyToTemporaryFile(after: bytes)
                defer { try? copy.close() }
                let stat = try copy.status()
                guard let mapping = try Self.map(copy, stat) else { throw .noMemory }
                storage = .mapping(mapping)
                hasHoles = copy.hasHoles(stat)
                count = UInt64(mapping.count)
                self.descriptor = try? copy.duplicate()
                return
            }
            storage = .bytes(bytes)
            count = UInt64(bytes.count)
            hasHoles = false
            self.descriptor = nil
        } catch {
            if error == .isDirectory { throw .isDirectory(path: path) }
            throw .cannotRead(path: path, error)
        }
        if count == 0 { throw .isEmpty(path: path) }
    }

    /// Puts the pieces of another file in order.
    ///
    /// - Parameter pieces: The pieces, with offsets in this file as addresses, from 0 to `count` without gaps.
    init(rearranging file: MappedFile, as pieces: FileSegments, count: UInt64, isCutShort: Bool) {
        path = file.path
        storage = .rearranged(pieces)
        self.count = count
        hasHoles = false
        self.isCutShort = isCutShort
        descriptor = nil
    }

    /// Wraps bytes that are already in memory.
    ///
    /// - Parameters:
    ///   - bytes: The whole file.
    ///   - name: The file's name in errors.
    public init(bytes: [UInt8], name: FilePath) {
        path = name
        storage = .bytes(bytes)
        descriptor = nil
        count = UInt64(bytes.count)
        hasHoles = false
        isCutShort = false
    }

    deinit {
        try? descriptor?.close()
        if case .mapping(let bytes) = storage {
            munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count)
        }
    }

    /// Prevents readahead into holes, which would fill the page cache with zeros. C: `madvise` with `MADV_RANDOM`.
    private func avoidHoles() {
        guard hasHoles, case .mapping(let bytes) = storage else { return }
        Self.advise(MADV_RANDOM, 0..<bytes.count, of: bytes)
    }

    private static let pageSize = Int(getpagesize())

    /// Gives advice on a range of a mapping, starting from the page in which it begins. C: `madvise`.
    private static func advise(_ advice: Int32, _ range: Range<Int>, of bytes: UnsafeRawBufferPointer) {
        // Mappings are page-aligned.
        let start = range.lowerBound & ~(pageSize - 1)
        let address = UnsafeMutableRawPointer(mutating: bytes.baseAddress?.advanced(by: start))
        madvise(address, range.upperBound - start, advice)
    }

    /// Calls `body` with `count` bytes at `offset`. The span is valid only during the call; mapped bytes are not
    /// copied.
    ///
    /// - Throws: ``FileError/outOfBounds(path:offset:count:size:)``, or the error from reading the file.
    public func withBytes<Result>(
        at offset: UInt64, count: Int, _ body: (RawSpan) -> Result
    ) throws(FileError) -> Result {
        guard count >= 0, offset <= self.count, UInt64(count) <= self.count - offset else {
            throw .outOfBounds(path: path, offset: offset, count: count, size: self.count)
        }
        // Within `count`, and therefore within Int.
        let start = Int(offset)
        // Starts reading at once what is needed next. C: `madvise` with `MADV_WILLNEED`.
        if hasHoles, count > Self.pageSize, case .mapping(let bytes) = storage {
            Self.advise(MADV_WILLNEED, start..<start + count, of: bytes)
        }
        return switch storage {
        case .mapping(let bytes): body(bytes.bytes.extracting(start..<start + count))
        case .bytes(let bytes): body(bytes.span.bytes.extracting(start..<start + count))
        case .onDemand(let file): try file.withBytes(at: offset, count: count, path: path, body)
        case .rearranged(let pieces): try Self.withBytes(of: pieces, at: offset, count: count, path: path, body)
        }
    }

    /// The parts of `range` that are not holes, ascending. C: `lseek` with `SEEK_DATA` and `SEEK_HOLE`.
    func data(in range: Range<UInt64>) -> some Sequence<Range<UInt64>> {
        sequence(state: range) { rest in
            guard !rest.isEmpty, let data = self.nextData(in: rest) else { return nil }
            rest = data.upperBound..<rest.upperBound
            return data
        }
    }

    /// The ranges with data; the rest are holes.
    var dataRanges: [Range<UInt64>] { hasHoles ? Array(data(in: 0..<count)) : [0..<count] }

    private func nextData(in range: Range<UInt64>) -> Range<UInt64>? {
        guard let descriptor else { return range }
        let data = lseek(descriptor.rawValue, off_t(range.lowerBound), LSEEK_DATA)
        if data < 0 { return errno == ENXIO ? nil : range }
        let start = UInt64(data)
        guard start < range.upperBound else { return nil }
        let hole = lseek(descriptor.rawValue, data, LSEEK_HOLE)
        return start..<(hole > data ? min(UInt64(hole), range.upperBound) : range.upperBound)
    }

    /// Drops the pages with `count` bytes at `offset` from the process. They stay in the page cache, and come back when
    /// they are read. C: `madvise` with `MADV_DONTNEED`.
    func release(at offset: UInt64, count: UInt64) {
        guard offset < self.count else { return }
        let end = Int(offset + min(count, self.count - offset))
        if case .rearranged(let pieces) = storage {
            return pieces.release(PhysicalAddress(offset)..<PhysicalAddress(UInt64(end)))
        }
        guard case .mapping(let bytes) = storage else { return }
        Self.advise(MADV_DONTNEED, Int(offset)..<end, of: bytes)
    }

    private static func withBytes<Result>(
        of pieces: FileSegments, at offset: UInt64, count: Int, path: FilePath, _ body: (RawSpan) -> Result
    ) throws(FileError) -> Result {
        return try rethrow(pieces.withBytes(at: PhysicalAddress(offset), count: count, body)) { (_: MemoryError) in
            FileError.cannotRead(path: path, .ioError)
        }
    }

    /// `nil` for anything but a regular file with a size and pages that can be mapped.
    private static func map(_ descriptor: FileDescriptor, _ stat: Stat) throws(Errno) -> UnsafeRawBufferPointer? {
        guard stat.type == .regular, let size = Int(exactly: stat.size), size > 0,
            let address = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor.rawValue, 0), address != MAP_FAILED
        else { return nil }
        return UnsafeRawBufferPointer(start: address, count: size)
    }
}

extension FileDescriptor {
    /// C: `open` with `O_RDONLY` and `O_CLOEXEC`.
    static func open(reading path: FilePath) throws(FileError) -> FileDescriptor {
        return try rethrow(open(path, .readOnly, options: .closeOnExec)) { (error: any Error) in
            FileError.cannotOpen(path: path, Errno(error))
        }
    }

    /// C: `fstat`.
    func status() throws(Errno) -> Stat {
        return try rethrow(stat(), as: Errno.init(_:))
    }

    /// Whether a regular file has holes. C: `lseek` with `SEEK_HOLE`.
    func hasHoles(_ stat: Stat) -> Bool {
        // Files can take less space than their size for other reasons, too.
        stat.sizeAllocated < stat.size && (0..<off_t(stat.size)).contains(Glibc.lseek(rawValue, 0, LSEEK_HOLE))
    }

    /// Copies `start` and the rest of the input to an unnamed file, which disappears when the descriptor is closed.
    /// Blocks of zeros become holes.
    func copyToTemporaryFile(after start: [UInt8]) throws(Errno) -> FileDescriptor {
        // Pipe contents may be large, and /tmp is often in memory.
        let directory = Directory.forTemporaryFiles(usually: "/var/tmp")
        var name = Array(directory.appending("luo-fdt.XXXXXX").string.utf8CString)
        let number = mkstemp(&name)
        guard number >= 0 else { throw Errno(rawValue: errno) }
        unlink(name)
        let copy = FileDescriptor(rawValue: number)
        do throws(Errno) {
            var position = 0
            var portion = start
            while !portion.isEmpty {
                if portion.span.bytes.firstNonzeroByte != nil {
                    try copy.writeAll(portion.span.bytes, at: Int64(position))
                }
                position += portion.count
                portion.removeAll(keepingCapacity: true)
                try readPortion(appendingTo: &portion)
            }
            guard ftruncate(number, position) == 0 else { throw Errno(rawValue: errno) }
            return copy
        } catch {
            try? copy.close()
            throw error
        }
    }

    /// Reads up to 64 KiB at the descriptor's offset; returns the number of bytes, 0 at the end. C: `read`.
    @discardableResult
    func readPortion(appendingTo bytes: inout [UInt8]) throws(Errno) -> Int {
        let portionSize = 1 << 16
        let before = bytes.count
        do {
            try bytes.append(addingCapacity: portionSize) { bytes in
                try bytes.withUnsafeMutableBufferPointer { room, count in
                    count += try read(into: .init(rebasing: UnsafeMutableRawBufferPointer(room)[count...]))
                }
            }
            return bytes.count - before
        } catch {
            throw Errno(error)
        }
    }

    /// Writes all of `bytes` at the descriptor's offset. C: `write`, repeated until everything is written.
    package func writeAll(_ bytes: RawSpan) throws(Errno) {
        do {
            // swift-system's method accepts any sequence, and checks at run time which one: a sixth of the time for a
            // small dump.
            try bytes.withUnsafeBytes {
                var rest = $0[...]
                while !rest.isEmpty { rest = try rest.dropFirst(write(.init(rebasing: rest))) }
            }
        } catch {
            throw Errno(error)
        }
    }

    /// Writes all of `bytes` at `offset` in the file. C: `pwrite`, repeated until everything is written.
    package func writeAll(_ bytes: RawSpan, at offset: Int64) throws(Errno) {
        _ = try rethrow(bytes.withUnsafeBytes { try writeAll(toAbsoluteOffset: offset, $0) }, as: Errno.init(_:))
    }
}

/// The memory size of this machine in bytes; 0 if unknown. C: `sysconf` with `_SC_PHYS_PAGES`.
package var machineMemory: UInt64 {
    UInt64(clamping: sysconf(Int32(_SC_PHYS_PAGES))) * UInt64(getpagesize())
}

/// The value of `body`; converts an error it throws to one of the caller's.
@inline(__always) @discardableResult
func rethrow<Result, Failure: Error, Other: Error>(
    _ body: @autoclosure () throws(Failure) -> Result, as other: (Failure) -> Other
) throws(Other) -> Result {
    do throws(Failure) {
        return try body()
    } catch {
        throw other(error)
    }
}

extension Errno {
    /// Converts an error from swift-system, which is always an `Errno` although its signatures do not say so.
    init(_ error: any Error) {
        self = error as? Errno ?? .ioError
    }
}
