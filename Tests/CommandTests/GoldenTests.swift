import Foundation
import TestSupport
import Testing

/// Compares the output of the command with reviewed files.
///
/// `make golden` updates them.
@Suite struct GoldenTests {
    /// A command whose output is in a golden file.
    struct Case: CustomTestStringConvertible {
        var name: String
        var arguments: [String]
        /// Output on standard error, if any, is in a separate file.
        var testDescription: String { name }
    }

    static let captures = CapturedHandover.names

    static let dumps: [Case] = captures.flatMap { capture in
        ["tree", "json", "dts", "hex"].map { format in
            Case(
                name: capture.replacing("/", with: "-") + "." + format,
                arguments: ["dump", "--format", format, "captures/\(capture).elf"])
        }
    }

    static let directories: [Case] = Set(captures.map { $0.prefix { $0 != "/" } }).sorted().flatMap { version in
        ["sender", "receiver"].flatMap { side in
            ["tree", "json"].map { format in
                Case(
                    name: "\(version)-debugfs-\(side).\(format)",
                    arguments: ["dump", "--format", format, "captures/\(version)/debugfs/\(side)"])
            }
        }
    }

    static let layouts: [Case] =
        ["6.16", "6.18", "6.19", "7.0", "7.1", "7.2"].map {
            Case(name: "layout-\($0).text", arguments: ["layout", "--kernel", $0])
        } + [Case(name: "layout-7.2-64K.json", arguments: ["layout", "--page-size", "64K", "--format", "json"])]

    @Test(arguments: dumps) func dumpIsAsItWas(_ golden: Case) throws {
        let command = try Command(golden.arguments)
        #expect(command.status == 0)
        #expect(command.errors == "")
        try compare(command.text, with: "golden/\(golden.name)")
    }

    @Test(arguments: directories) func directoryIsAsItWas(_ golden: Case) throws {
        let command = try Command(golden.arguments)
        // Only inputs from kernels before 6.19, and from receivers before 7.3, have no truncated data and no garbage.
        let isDamaged = !command.errors.isEmpty
        #expect(command.status == (isDamaged ? 1 : 0))
        try compare(command.text, with: "golden/\(golden.name)")
        if golden.name.hasSuffix(".tree") { try compare(command.errors, with: "golden/\(golden.name).errors") }
    }

    @Test(arguments: layouts) func layoutIsAsItWas(_ golden: Case) throws {
        let command = try Command(golden.arguments)
        #expect(command.status == 0)
        try compare(command.text, with: "golden/\(golden.name)")
    }

    @Test func schemaIsThePublishedOne() throws {
        try compare(try Command("schema").text, with: "../docs/handover.schema.json")
    }

    /// Compares text with a golden file, and reports the first line that differs.
    private func compare(_ text: String, with name: String) throws {
        let url = Fixture.url(name).standardizedFileURL
        if ProcessInfo.processInfo.environment["LUO_FDT_GOLDEN"] == "write" {
            if text.isEmpty {
                try? FileManager.default.removeItem(at: url)
            } else {
                try Data(text.utf8).write(to: url)
            }
            return
        }
        let golden = (try? String(contentsOf: url, encoding: .utf8)) ?? ""
        guard text != golden else { return }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let expected = golden.split(separator: "\n", omittingEmptySubsequences: false)
        let index = zip(lines, expected).enumerated().first { $1.0 != $1.1 }?.offset ?? min(lines.count, expected.count)
        let found = index < lines.count ? "\"\(lines[index])\"" : "the end"
        let wanted = index < expected.count ? "\"\(expected[index])\"" : "the end"
        Issue.record("\(name), line \(index + 1): found \(found), expected \(wanted)")
    }
}
