import Foundation
import SystemPackage

/// A file or directory that a test makes, and that is gone after it.
public final class TemporaryPath {
    public let url = FileManager.default.temporaryDirectory.appending(path: "luo-fdt-\(UUID().uuidString)")

    public var path: String { url.path() }
    public var file: FilePath { FilePath(path) }

    /// Makes a file.
    public init(_ bytes: some Sequence<UInt8>) throws {
        try Data(bytes).write(to: url)
    }

    /// Makes a directory.
    public init() throws {
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }
}

/// A directory that is there for the duration of `body`.
@discardableResult
public func withTemporaryDirectory<Result>(_ body: (FilePath) throws -> Result) throws -> Result {
    let directory = try TemporaryPath()
    return try withExtendedLifetime(directory) { try body(directory.file) }
}

/// A file that is there for the duration of `body`.
@discardableResult
public func withTemporaryFile<Result>(
    _ bytes: some Sequence<UInt8>, _ body: (FilePath) throws -> Result
) throws -> Result {
    let file = try TemporaryPath(bytes)
    return try withExtendedLifetime(file) { try body(file.file) }
}
