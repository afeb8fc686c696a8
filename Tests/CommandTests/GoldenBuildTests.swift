import Foundation
import TestSupport
import Testing

/// Compares the output of `build` for the examples with reviewed files.
///
/// `make golden` updates them.
@Suite struct GoldenBuildTests {
    static let examples = [
        "readme", "kernel-7.2", "kernel-7.1", "kernel-7.0", "kernel-6.19", "kernel-6.18", "kernel-6.17", "arm64-64K",
    ]

    /// The golden files are bundles; if one differs, reports the first structure and field that does.
    @Test(arguments: examples) func exampleIsBuiltAsItWas(_ name: String) throws {
        let directory = try TemporaryPath()
        let built = directory.url.appending(path: "built.dtb").path()
        let command = try Command("build", "examples/\(name).json", "-o", built)
        try #require(command.status == 0, "\(command.errors)")
        let golden = Fixture.url("golden/build/\(name).dtb")
        if ProcessInfo.processInfo.environment["LUO_FDT_GOLDEN"] == "write" {
            try Data(contentsOf: URL(filePath: built)).write(to: golden)
            return
        }
        guard try Data(contentsOf: URL(filePath: built)) != Data(contentsOf: golden) else { return }
        let found = try Command("dump", "--format", "hex", built).text
        let expected = try Command("dump", "--format", "hex", golden.path()).text
        let difference = zip(Self.placed(found), Self.placed(expected)).first { $0 != $1 }
        Issue.record("\(name): found \(difference?.0 ?? "less"), expected \(difference?.1 ?? "less")")
    }

    /// The lines of an annotated dump, each with its structure.
    private static func placed(_ text: String) -> [String] {
        var title = ""
        return text.split(separator: "\n").map { line in
            if !line.hasPrefix(" "), !line.hasPrefix("0") { title = String(line) }
            return "\(title): \(line)"
        }
    }
}
