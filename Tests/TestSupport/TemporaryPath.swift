import Foundation
import SystemPackage

/// A file or directory that a test creates, and that is removed afterwards.
public final class TemporaryPath {
    public let url = FileManager.default.temporaryDirectory.appending(path: "luo-fdt-\(UUID().uuidString)")

    public var path: String { url.path() }
    public var file: FilePath { FilePath(path) }

    /// Creates a file.
    public init(_ bytes: some Sequence<UInt8>) throws {
        try Data(bytes).write(to: url)
    }

    /// Creates a directory.
    public init() throws {
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }
}

/// A directory that exists while `body` runs.
@discardableResult
public func withTemporaryDirectory<Result>(_ body: (FilePath) throws -> Result) throws -> Result {
    let directory = try TemporaryPath()
    return try withExtendedLifetime(directory) { try body(directory.file) }
}

/// A file that exists while `body` runs.
@discardableResult
public func withTemporaryFile<Result>(
    _ bytes: some Sequence<UInt8>, _ body: (FilePath) throws -> Result
) throws -> Result {
    let file = try TemporaryPath(bytes)
    return try withExtendedLifetime(file) { try body(file.file) }
}
