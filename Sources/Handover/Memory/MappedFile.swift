import CFiles
import Glibc
import SystemPackage

/// A file's contents, for bounds-checked reading at any offset.
///
/// A regular file is mapped (`mmap`, `PROT_READ`, `MAP_PRIVATE`), so that a memory image of any size costs only what
/// is looked at. What cannot be mapped (a pipe, standard input, a file in sysfs or debugfs) is read whole instead.
///
/// - Important: A mapped file must not be cut short while it is in use: the kernel answers an access to what is
///   gone with `SIGBUS`.
public final class MappedFile: Sendable {
    /// The path that the file was opened by: its name in errors.
    public let path: FilePath

    private let storage: Storage
    /// The file that is mapped, for copies that the kernel makes.
    let descriptor: FileDescriptor?

    private enum Storage: @unchecked Sendable {
        /// Read-only until unmapped in `deinit`, therefore safe to share.
        case mapping(UnsafeRawBufferPointer)
        case bytes([UInt8])
    }

    /// At most this much is read of a file that cannot be mapped.
    public static let readLimit = 1 << 30

    /// Opens and maps the file at `path`.
    ///
    /// - Throws: ``FileError`` for a file that is missing, not readable, a directory, or empty.
    public convenience init(path: FilePath) throws(FileError) {
        let descriptor = try FileDescriptor.open(reading: path)
        defer { try? descriptor.close() }
        try self.init(descriptor: descriptor, path: path)
    }

    /// Maps, or reads to its end, the file that `descriptor` stands for, which the caller goes on to own.
    ///
    /// - Parameter path: Its name in errors.
    public init(descriptor: FileDescriptor, path: FilePath) throws(FileError) {
        self.path = path
        let stat: Stat
        do {
            stat = try descriptor.stat()
        } catch {
            throw .cannotRead(path: path, Errno(error))
        }
        if stat.type == .directory { throw .isDirectory(path: path) }
        if stat.type == .regular, let size = Int(exactly: stat.size), size > 0,
            let address = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor.rawValue, 0), address != MAP_FAILED
        {
            storage = .mapping(UnsafeRawBufferPointer(start: address, count: size))
            let copy = fcntl(descriptor.rawValue, F_DUPFD_CLOEXEC, 0)
            self.descriptor = copy < 0 ? nil : FileDescriptor(rawValue: copy)
            return
        }
        let bytes = try Self.readToEnd(descriptor, path: path)
        if bytes.isEmpty { throw .isEmpty(path: path) }
        storage = .bytes(bytes)
        self.descriptor = nil
    }

    /// Wraps bytes that are in memory already.
    ///
    /// - Parameter name: Their name in errors.
    public init(bytes: [UInt8], name: FilePath) {
        path = name
        storage = .bytes(bytes)
        descriptor = nil
    }

    deinit {
        try? descriptor?.close()
        if case .mapping(let bytes) = storage {
            munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count)
        }
    }

    /// The file's size in bytes.
    public var count: UInt64 {
        switch storage {
        case .mapping(let bytes): UInt64(bytes.count)
        case .bytes(let bytes): UInt64(bytes.count)
        }
    }

    /// Hands `count` bytes at `offset` to `body`. The span is valid during the call alone; nothing is copied.
    ///
    /// - Throws: ``FileError/outOfBounds(path:offset:count:size:)``.
    public func withBytes<Result>(
        at offset: UInt64, count: Int, _ body: (RawSpan) -> Result
    ) throws(FileError) -> Result {
        guard count >= 0, offset <= self.count, UInt64(count) <= self.count - offset else {
            throw .outOfBounds(path: path, offset: offset, count: count, size: self.count)
        }
        // Within `count`, and so within Int.
        let start = Int(offset)
        return switch storage {
        case .mapping(let bytes): body(bytes.bytes.extracting(start..<start + count))
        case .bytes(let bytes): body(bytes.span.bytes.extracting(start..<start + count))
        }
    }

    /// The first part of `range` that is no hole; `nil` if there is none. C: `lseek` with `SEEK_DATA` and `SEEK_HOLE`.
    func nextData(in range: Range<UInt64>) -> Range<UInt64>? {
        guard let descriptor else { return range }
        let data = lseek(descriptor.rawValue, off_t(range.lowerBound), LSEEK_DATA)
        if data < 0 { return errno == ENXIO ? nil : range }
        let start = UInt64(data)
        guard start < range.upperBound else { return nil }
        let hole = lseek(descriptor.rawValue, data, LSEEK_HOLE)
        return start..<(hole > data ? min(UInt64(hole), range.upperBound) : range.upperBound)
    }

    /// Lets go of the pages that hold `count` bytes at `offset`, and so have become part of the process: they are in the
    /// page cache as before, and come back when they are read. Mirrors `madvise(2)` with `MADV_DONTNEED`.
    func release(at offset: UInt64, count: UInt64) {
        guard case .mapping(let bytes) = storage, offset < self.count else { return }
        // Mappings begin where a page does.
        let start = Int(offset) & ~(Int(getpagesize()) - 1)
        let end = Int(offset + min(count, self.count - offset))
        madvise(UnsafeMutableRawPointer(mutating: bytes.baseAddress?.advanced(by: start)), end - start, MADV_DONTNEED)
    }

    private static func readToEnd(_ descriptor: FileDescriptor, path: FilePath) throws(FileError) -> [UInt8] {
        var bytes: [UInt8] = []
        while true {
            let count = bytes.count
            do throws(Errno) {
                try descriptor.readPortion(appendingTo: &bytes)
            } catch {
                throw .cannotRead(path: path, error)
            }
            if bytes.count == count { return bytes }
            if bytes.count > readLimit { throw .tooLarge(path: path, limit: readLimit) }
        }
    }
}

extension FileDescriptor {
    /// Mirrors `open(2)` with `O_RDONLY` and `O_CLOEXEC`.
    static func open(reading path: FilePath) throws(FileError) -> FileDescriptor {
        do {
            return try open(path, .readOnly, options: .closeOnExec)
        } catch {
            throw .cannotOpen(path: path, Errno(error))
        }
    }

    /// Reads on at the descriptor's offset, up to 64 KiB; nothing at the end. Mirrors `read(2)`.
    func readPortion(appendingTo bytes: inout [UInt8]) throws(Errno) {
        let portionSize = 1 << 16
        do {
            try bytes.append(addingCapacity: portionSize) { bytes in
                try bytes.withUnsafeMutableBufferPointer { room, count in
                    count += try read(into: .init(rebasing: UnsafeMutableRawBufferPointer(room)[count...]))
                }
            }
        } catch {
            throw Errno(error)
        }
    }

    /// Writes all of `bytes` at the descriptor's offset. Mirrors `write(2)`, repeated until nothing is left.
    package func writeAll(_ bytes: RawSpan) throws(Errno) {
        do {
            // swift-system's own takes any sequence, and finds out as it runs which one: a sixth of a small dump's time.
            try bytes.withUnsafeBytes {
                var rest = $0[...]
                while !rest.isEmpty { rest = try rest.dropFirst(write(.init(rebasing: rest))) }
            }
        } catch {
            throw Errno(error)
        }
    }

    /// Writes all of `bytes` at `offset` in the file. Mirrors `pwrite(2)`, repeated until nothing is left.
    package func writeAll(_ bytes: RawSpan, at offset: Int64) throws(Errno) {
        do {
            _ = try bytes.withUnsafeBytes { try writeAll(toAbsoluteOffset: offset, $0) }
        } catch {
            throw Errno(error)
        }
    }
}

extension Errno {
    /// What swift-system throws, which is always an `Errno` though its signatures do not say so.
    init(_ error: any Error) {
        self = error as? Errno ?? .ioError
    }
}
