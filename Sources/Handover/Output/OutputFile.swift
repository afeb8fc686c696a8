import CFiles
import Glibc
import SystemPackage

/// A file that is being written: a new, empty file that does not have a name yet, or a stream.
struct OutputFile {
    let descriptor: FileDescriptor
    /// Its name in errors.
    let path: FilePath
    /// Whether it is append-only, as a pipe is.
    let isStream: Bool

    /// Appends bytes.
    func append(_ bytes: RawSpan) throws(OutputError) {
        try rethrow(descriptor.writeAll(bytes)) { (error: Errno) in OutputError.file(path, error) }
    }

    /// Writes bytes at `offset` of a file that is not a stream.
    func write(_ bytes: RawSpan, at offset: UInt64) throws(OutputError) {
        try rethrow(descriptor.writeAll(bytes, at: Int64(offset))) { (error: Errno) in OutputError.file(path, error) }
    }

    /// Copies part of a file to `place` in a new one, keeping holes.
    ///
    /// The kernel copies, and a file system that supports it shares the data instead.
    func copy(_ range: Range<UInt64>, of original: MappedFile, to place: UInt64) throws(FileError) {
        for data in original.data(in: range) {
            var rest = data
            while !rest.isEmpty {
                let next = try copyPart(rest, of: original, to: place + (rest.lowerBound - range.lowerBound))
                rest = next..<data.upperBound
            }
        }
    }

    /// Copies as much as one system call does; returns where to continue.
    private func copyPart(_ range: Range<UInt64>, of original: MappedFile, to place: UInt64) throws(FileError) -> UInt64
    {
        var (from, to) = (off_t(range.lowerBound), off_t(place))
        let copied = original.descriptor.map {
            copy_file_range($0.rawValue, &from, descriptor.rawValue, &to, range.count, 0)
        }
        if let copied, copied > 0 { return UInt64(from) }
        if copied == -1, ![EXDEV, EINVAL, ENOSYS, EOPNOTSUPP, EPERM].contains(errno) {
            throw .cannotWrite(path: path, Errno(rawValue: errno))
        }
        let portion = min(range.count, 1 << 20)
        // File systems copy bytes of a mapping page by page, but available bytes in large pieces.
        let bytes = try original.withBytes(at: range.lowerBound, count: portion) { [UInt8](copying: $0) }
        try rethrow(descriptor.writeAll(bytes.span.bytes, at: Int64(place))) { (error: Errno) in
            FileError.cannotWrite(path: path, error)
        }
        original.release(at: range.lowerBound, count: UInt64(portion))
        return range.lowerBound + UInt64(portion)
    }

    /// Sets the size of a file that is not a stream, adding zeros at the end.
    func resize(to size: UInt64) throws(OutputError) {
        guard let length = Int64(exactly: size) else { throw .file(path, .fileTooLarge) }
        try rethrow(descriptor.resize(to: length)) { (error: any Error) in OutputError.file(path, Errno(error)) }
    }
}

/// A file that is given its name once complete.
///
/// If the file system supports it (`O_TMPFILE`), it has no name until then, so that not even `SIGKILL` leaves it
/// behind.
struct NewFile {
    let descriptor: FileDescriptor
    /// The temporary name, if it needs one.
    private let name: FilePath?

    private static let mode: mode_t = 0o644

    /// Creates a file to be placed at `path`, with the permissions and owner of the file it replaces.
    init(at path: FilePath, replacing replaced: Stat?) throws(Errno) {
        if replaced != nil, path.withPlatformString({ access($0, W_OK) }) != 0 { throw Errno(rawValue: errno) }
        let directory = path.removingLastComponent()
        let file = directory.withPlatformString { open($0, __O_TMPFILE | O_DIRECTORY | O_RDWR | O_CLOEXEC, Self.mode) }
        // Without /proc, it could not be given a name.
        if file >= 0, Directory.holds(Self.link(to: file)) {
            name = nil
            descriptor = FileDescriptor(rawValue: file)
        } else {
            if file >= 0 { close(file) }
            (name, descriptor) = try UnfinishedOutput.make(beside: path) { (name) throws(Errno) in
                let file = name.withPlatformString { open($0, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, Self.mode) }
                guard file >= 0 else { throw Errno(rawValue: errno) }
                return FileDescriptor(rawValue: file)
            }
        }
        if let replaced {
            _ = fchown(descriptor.rawValue, replaced.userID.rawValue, replaced.groupID.rawValue)
            _ = fchmod(descriptor.rawValue, replaced.permissions.rawValue)
        }
    }

    /// Creates a file that never gets a name, for data that is too large for memory.
    static func nameless() throws(OutputError) -> OutputFile {
        let directory = Directory.forTemporaryFiles(usually: "/tmp")
        do throws(Errno) {
            let file = try NewFile(at: directory.appending("luo-fdt"), replacing: nil)
            if let name = file.name { UnfinishedOutput.discard(name) }
            return OutputFile(descriptor: file.descriptor, path: directory, isStream: false)
        } catch {
            throw .file(directory, error)
        }
    }

    /// Waits until the data is on disk. C: `fsync`.
    func synchronize() throws(Errno) {
        guard fsync(descriptor.rawValue) != 0 else { return }
        let error = Errno(rawValue: errno)
        discard()
        throw error
    }

    /// Gives the file its name.
    func finish(at path: FilePath) throws(Errno) {
        defer { if let name { UnfinishedOutput.discard(name) } }
        if let name {
            do {
                // Some file systems report a full disk only on close.
                try descriptor.close()
            } catch {
                throw Errno(error)
            }
            try UnfinishedOutput.name { () throws(Errno) in try Directory.rename(name, to: path) }
        } else {
            defer { try? descriptor.close() }
            try UnfinishedOutput.name { () throws(Errno) in
                do throws(Errno) {
                    try link(to: path)
                } catch {
                    guard error == .fileExists else { throw error }
                    let name = Directory.sibling(of: path)
                    try link(to: name)
                    do throws(Errno) {
                        try Directory.rename(name, to: path)
                    } catch {
                        Directory.remove(name)
                        throw error
                    }
                }
            }
        }
    }

    func discard() {
        try? descriptor.close()
        if let name { UnfinishedOutput.discard(name) }
    }

    private func link(to path: FilePath) throws(Errno) {
        let result = Self.link(to: descriptor.rawValue).withPlatformString { file in
            path.withPlatformString { linkat(AT_FDCWD, file, AT_FDCWD, $0, AT_SYMLINK_FOLLOW) }
        }
        if result != 0 { throw Errno(rawValue: errno) }
    }

    private static func link(to file: CInt) -> FilePath { FilePath("/proc/self/fd/\(file)") }
}
