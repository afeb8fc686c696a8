import Foundation
import SystemPackage

/// The files that tests read: those in `Fixtures`, by relative path.
public enum Fixture {
    public static let directory = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures")

    public static func url(_ name: String) -> URL { directory.appending(path: name) }

    public static func path(_ name: String) -> String { url(name).path() }

    public static func file(_ name: String) -> FilePath { FilePath(path(name)) }

    public static func bytes(_ name: String) throws -> [UInt8] { Array(try Data(contentsOf: url(name))) }

    public static func text(_ name: String) throws -> String { String(decoding: try bytes(name), as: UTF8.self) }
}
