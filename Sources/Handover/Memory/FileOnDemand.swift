import Glibc
import Synchronization
import SystemPackage

/// A file that is read on demand, with a small cache, because it can neither be mapped nor held in memory.
final class FileOnDemand: Sendable {
    /// The size in bytes. A device without a size extends to the end of the address space.
    let count: UInt64

    private let descriptor: FileDescriptor
    /// A cache of recently read pages: page n is in slot n modulo the number of slots.
    private let pages = Mutex<[(number: UInt64, bytes: [UInt8])?]>(Array(repeating: nil, count: 256))

    private static let pageSize: UInt64 = 4096
    /// The device number of /dev/mem.
    private static let memoryDevice: dev_t = 0x101

    /// `nil` for what is better read as a whole: a file of moderate size, a pipe.
    ///
    /// - Parameter descriptor: The file, which is duplicated.
    init?(_ descriptor: FileDescriptor, _ stat: Stat) throws(Errno) {
        switch stat.type {
        case .regular where stat.size > MappedFile.heldSize: count = UInt64(stat.size)
        case .characterSpecial where stat.rawValue.st_rdev == Self.memoryDevice: count = UInt64(Int64.max)
        default: return nil
        }
        self.descriptor = try rethrow(descriptor.duplicate(), as: Errno.init(_:))
    }

    deinit {
        try? descriptor.close()
    }

    /// Reads `count` bytes at `offset`. C: `pread`, repeated until everything is read.
    func withBytes<Result>(
        at offset: UInt64, count: Int, path: FilePath, _ body: (RawSpan) -> Result
    ) throws(FileError) -> Result {
        let start = Int(offset % Self.pageSize)
        let isInPage = start + count <= Int(Self.pageSize)
        if !isInPage, count > CopiedRead.limit { throw .cannotRead(path: path, .noMemory) }
        let bytes: [UInt8]
        do throws(Errno) {
            bytes = isInPage ? try page(offset / Self.pageSize) : try read(at: offset, count: count)
        } catch {
            throw .cannotRead(path: path, error)
        }
        return body(isInPage ? bytes.span.bytes.extracting(start..<start + count) : bytes.span.bytes)
    }

    /// Reads a page of the file, or as much of it as there is, as nearby bytes are likely to be read next.
    private func page(_ number: UInt64) throws(Errno) -> [UInt8] {
        let slot = Int(number % 256)
        if let held = pages.withLock({ $0[slot] }), held.number == number { return held.bytes }
        let start = number * Self.pageSize
        let bytes = try read(at: start, count: Int(min(Self.pageSize, count - start)))
        pages.withLock { $0[slot] = (number, bytes) }
        return bytes
    }

    private func read(at offset: UInt64, count: Int) throws(Errno) -> [UInt8] {
        do {
            return try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
                while filled < count {
                    let rest = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[filled...])
                    let read = try descriptor.read(fromAbsoluteOffset: Int64(offset) + Int64(filled), into: rest)
                    if read == 0 { throw Errno.ioError }
                    filled += read
                }
            }
        } catch {
            throw Errno(error)
        }
    }
}
