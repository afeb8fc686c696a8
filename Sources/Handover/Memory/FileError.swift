import SystemPackage

/// The reason why a file could not be opened, read or written.
public enum FileError: Error, Hashable, Sendable {
    case cannotOpen(path: FilePath, Errno)
    case cannotRead(path: FilePath, Errno)
    case cannotWrite(path: FilePath, Errno)
    case isDirectory(path: FilePath)
    case isEmpty(path: FilePath)
    /// The file has more than `limit` bytes, the maximum for its kind.
    case tooLarge(path: FilePath, limit: Int)
    /// The file has `size` bytes, which end before `offset` + `count`.
    case outOfBounds(path: FilePath, offset: UInt64, count: Int, size: UInt64)
}

extension FileError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .cannotOpen(let path, let errno): "\(path): cannot be opened: \(errno)"
        case .cannotRead(let path, let errno): "\(path): cannot be read: \(errno)"
        case .cannotWrite(let path, let errno): "\(path): \(errno)"
        case .isDirectory(let path): "\(path): is a directory"
        case .isEmpty(let path): "\(path): is empty"
        case .tooLarge(let path, let limit): "\(path): is larger than \(limit) bytes"
        case .outOfBounds(let path, let offset, let count, let size):
            "\(path): \(count) bytes at offset \(offset) are beyond its \(size) bytes"
        }
    }
}
