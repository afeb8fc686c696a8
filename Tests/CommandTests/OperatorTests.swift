import Foundation
import TestSupport
import Testing

/// Runs the scripts in `docs/operators.md` unchanged.
@Suite struct OperatorTests {
    private static let healthy = ["6.18", "6.19", "7.1", "7.3"]

    /// Runs the script in the docs that begins with `# NAME`.
    private func run(_ name: String, _ arguments: String...) throws -> (status: Int32, text: String) {
        let docs = try Fixture.text("../docs/operators.md")
        let script = try #require(
            docs.components(separatedBy: "```bash\n").dropFirst().map { $0.components(separatedBy: "```")[0] }
                .first { $0.hasPrefix("# \(name) ") })
        let tool = Command.executable.deletingLastPathComponent().path
        let command = try Command(
            shell: "exec 2>&1; \(script)", [name] + arguments,
            environment: ["PATH": "\(tool):/usr/local/bin:/usr/bin:/bin"], executable: URL(filePath: "/bin/bash"))
        return (command.status, command.text)
    }

    @Test(arguments: healthy) func `the gate is quiet on a healthy machine`(version: String) throws {
        let result = try run("gate.sh", "captures/\(version)/debugfs/sender/out")
        #expect(result.text == "")
        #expect(result.status == 0)
    }

    /// jq 1.6 treats empty input as true.
    @Test func `the gate is loud if nothing was checked`() throws {
        #expect(try run("gate.sh", "captures/7.3/debugfs/sender/out", "9.9").status == 1)
        #expect(try run("gate.sh", "nope").status == 1)
        #expect(try run("health.sh", "nope").status == 1)
    }

    @Test(arguments: healthy) func `the health line says what came in`(version: String) throws {
        let result = try run("health.sh", "captures/\(version)/debugfs/receiver/in")
        #expect(result.text.hasPrefix("kho: "))
        #expect(result.text.contains(" errors=0 "))
        #expect(result.status == 0)
    }

    @Test(arguments: [("out", "gate.sh"), ("in", "health.sh")])
    func `damage that debugfs shows is loud`(side: String, script: String) throws {
        let from = side == "out" ? "captures/7.1/debugfs/sender/out" : "captures/7.1/debugfs/receiver/in"
        let directory = try TemporaryPath()
        let copy = directory.url.appending(path: side)
        try FileManager.default.copyItem(at: Fixture.url(from), to: copy)
        #expect(try run(script, copy.path).status == 0)
        // The version of LUO's FDT: the next kernel panics.
        let luo = copy.appending(path: "sub_fdts/LUO")
        var bytes = try Data(contentsOf: luo)
        let place = try #require(bytes.range(of: Data("luo-v1".utf8)))
        bytes.replaceSubrange(place, with: Data("luo-v9".utf8))
        try FileManager.default.removeItem(at: luo)
        try bytes.write(to: luo)
        let result = try run(script, copy.path)
        #expect(result.status == 1)
        #expect(result.text.contains(script == "gate.sh" ? "luo-compatible" : "kho: panic"))
    }

    @Test func `a directory that is not there is loud`() throws {
        #expect(try run("gate.sh", "captures/no-such-directory").status == 1)
        #expect(try run("health.sh", "captures/no-such-directory").status == 1)
    }
}
