import Foundation
import TestSupport
import Testing

/// Checks that the README shows what the command prints.
@Suite struct DocumentationTests {
    /// A command, and its output in the README.
    struct Example {
        let command: String
        let output: [Substring]
    }

    static let repository = Fixture.directory.deletingLastPathComponent()

    /// The indented lines that begin with `$ luo-fdt`, with the lines below them.
    static func examples(of page: String) throws -> [Example] {
        let text = try String(contentsOf: repository.appending(path: page), encoding: .utf8)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        var examples: [Example] = []
        var next = lines.startIndex
        while next < lines.endIndex {
            let line = lines[next]
            next += 1
            guard line.hasPrefix("    $ luo-fdt ") else { continue }
            let output = lines[next...].prefix { $0.hasPrefix("    ") && !$0.hasPrefix("    $ ") }
            next = output.endIndex
            examples.append(Example(command: String(line.dropFirst(6)), output: output.map { $0.dropFirst(4) }))
        }
        return examples
    }

    /// Skips examples without output, as they need files that the repository lacks. "…" stands for omitted lines.
    @Test func `README shows what the command prints`() throws {
        let page = "README.md"
        let directory = try TemporaryPath()
        try FileManager.default.createSymbolicLink(
            at: directory.url.appending(path: "Fixtures"), withDestinationURL: Fixture.directory)
        let examples = try Self.examples(of: page).filter { !$0.output.isEmpty }
        #expect(examples.count >= 4)
        for example in examples {
            let command = try Command(
                shell: "cd \(directory.path) && PATH=$(dirname $luo):$PATH && export PATH && \(example.command) 2>&1")
            var rest = command.text.split(separator: "\n", omittingEmptySubsequences: false)[...]
            for (index, line) in example.output.enumerated() {
                if line == "…" {
                    let following = example.output.dropFirst(index + 1).first
                    rest = following.map { following in rest.drop { $0 != following } } ?? []
                } else {
                    #expect(rest.first == line, "\(page): \(example.command)")
                    rest = rest.dropFirst()
                }
            }
            #expect(!rest.contains { !$0.isEmpty }, "\(page): \(example.command)")
        }
    }
}
