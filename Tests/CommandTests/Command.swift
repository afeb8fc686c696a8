import Foundation
import Testing

/// Runs the command as a user does.
struct Command {
    var status: Int32
    var output: Data
    var errors: String

    var text: String { String(decoding: output, as: UTF8.self) }

    /// The built command, which lies beside the tests, or the one that the environment names.
    static let executable: URL = {
        if let path = ProcessInfo.processInfo.environment["LUO_FDT_COMMAND"] { return URL(filePath: path).absoluteURL }
        let tests = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return URL(filePath: tests ?? "").deletingLastPathComponent().appending(path: "luo-fdt")
    }()

    /// Runs `luo-fdt` in the directory of fixtures, so that messages do not depend on where that is.
    init(_ arguments: String..., input: String? = nil, environment: [String: String] = [:]) throws {
        try self.init(arguments, input: input, environment: environment)
    }

    /// Runs a script of the shell, in which `$luo` is the command.
    init(shell script: String, environment: [String: String] = [:]) throws {
        try self.init(
            ["-c", script], environment: environment.merging(["luo": Self.executable.path()]) { $1 },
            executable: URL(filePath: "/bin/sh"))
    }

    init(
        _ arguments: [String], input: String? = nil, environment: [String: String] = [:],
        executable: URL = Self.executable
    ) throws {
        // Files, not pipes: nothing has to be read while the command runs.
        let directory = FileManager.default.temporaryDirectory.appending(path: "luo-fdt-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let outputFile = directory.appending(path: "output")
        let errorFile = directory.appending(path: "errors")
        try Data().write(to: outputFile)
        try Data().write(to: errorFile)

        let process = Process()
        process.executableURL = executable
        process.arguments = arguments
        process.currentDirectoryURL = Fixture.directory
        process.environment = ["PATH": "/usr/bin:/bin", "TERM": "xterm"].merging(environment) { $1 }
        process.standardInput =
            try input.map { try FileHandle(forReadingFrom: Fixture.directory.appending(path: $0)) }
            ?? FileHandle.nullDevice
        process.standardOutput = try FileHandle(forWritingTo: outputFile)
        process.standardError = try FileHandle(forWritingTo: errorFile)
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationReason == .exit, "ended by a signal: \(arguments)")
        status = process.terminationStatus
        output = try Data(contentsOf: outputFile)
        errors = String(decoding: try Data(contentsOf: errorFile), as: UTF8.self)
    }
}

/// A file or directory that a test makes, and that is gone after it.
final class TemporaryPath {
    let url = FileManager.default.temporaryDirectory.appending(path: "luo-fdt-\(UUID().uuidString)")

    var path: String { url.path() }

    init(_ bytes: some Sequence<UInt8>) throws {
        try Data(bytes).write(to: url)
    }

    init() throws {
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }
}
