import Foundation

/// A command that has been run: luo-fdt, as a user runs it, or another one.
public struct Command {
    public let status: Int32
    public let output: Data
    public let errors: String

    public var text: String { String(decoding: output, as: UTF8.self) }

    /// The built command, which is next to the tests, or the one named in the environment.
    public static let executable: URL = {
        if let path = ProcessInfo.processInfo.environment["LUO_FDT_COMMAND"] { return URL(filePath: path).absoluteURL }
        let tests = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return URL(filePath: tests ?? "").deletingLastPathComponent().appending(path: "luo-fdt")
    }()

    /// The command was ended by a signal, which must never happen.
    private struct EndedBySignal: Error {
        let signal: Int32
        let arguments: [String]
    }

    /// Runs `luo-fdt` in the fixtures directory, so that messages do not depend on its path.
    ///
    /// - Parameter input: A fixture for standard input.
    public init(_ arguments: String..., input: String? = nil, environment: [String: String] = [:]) throws {
        try self.init(arguments, input: input, environment: environment)
    }

    /// Runs a shell script in which `$luo` is the command.
    public init(
        shell script: String, _ arguments: [String] = [], environment: [String: String] = [:],
        executable: URL = URL(filePath: "/bin/sh")
    ) throws {
        try self.init(
            ["-c", script] + arguments, environment: environment.merging(["luo": Self.executable.path()]) { $1 },
            executable: executable)
    }

    public init(
        _ arguments: [String], input: String? = nil, environment: [String: String] = [:],
        executable: URL = Self.executable
    ) throws {
        // Files rather than pipes, so that nothing has to be read while the command runs.
        let directory = try TemporaryPath()
        let outputFile = directory.url.appending(path: "output")
        let errorFile = directory.url.appending(path: "errors")
        try Data().write(to: outputFile)
        try Data().write(to: errorFile)

        let process = Process()
        process.executableURL = executable
        process.arguments = arguments
        process.currentDirectoryURL = Fixture.directory
        process.environment = ["PATH": "/usr/bin:/bin", "TERM": "xterm"].merging(environment) { $1 }
        process.standardInput =
            try input.map { try FileHandle(forReadingFrom: Fixture.url($0)) } ?? FileHandle.nullDevice
        process.standardOutput = try FileHandle(forWritingTo: outputFile)
        process.standardError = try FileHandle(forWritingTo: errorFile)
        try process.run()
        process.waitUntilExit()
        guard process.terminationReason == .exit else {
            throw EndedBySignal(signal: process.terminationStatus, arguments: arguments)
        }
        status = process.terminationStatus
        output = try Data(contentsOf: outputFile)
        errors = String(decoding: try Data(contentsOf: errorFile), as: UTF8.self)
    }
}
