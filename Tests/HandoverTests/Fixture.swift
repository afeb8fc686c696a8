import Foundation

/// The files that tests read.
enum Fixture {
    static let directory = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures")

    static func path(_ name: String) -> String { directory.appending(path: name).path() }

    static func bytes(_ name: String) throws -> [UInt8] { Array(try Data(contentsOf: directory.appending(path: name))) }

    /// The names of all captured images, such as `7.3/basic`.
    static let captures: [String] = (FileManager.default.subpaths(atPath: path("captures")) ?? [])
        .filter { $0.hasSuffix(".elf") }.map { String($0.dropLast(4)) }.sorted()
}
