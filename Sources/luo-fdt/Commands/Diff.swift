import ArgumentParser
import Handover
import KernelABI
import SystemPackage

struct Diff: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "Shows what changed between two handovers.",
        discussion: """
            Sessions and FLBs are compared by name, files by token, regions by name, memfds with their contents where \
            both are at hand; then where it all lies. A FILE is anything that dump takes, or a JSON document.

            EXAMPLES
              luo-fdt diff before.elf after.elf
              luo-fdt diff --ignore-addresses golden.json vmcore

            EXIT STATUS
              0   they are the same
              1   they differ
              2   a file is not a handover or cannot be read
              64  wrong usage
            """)

    @Argument(help: "The one handover.")
    var before: FilePath

    @Argument(help: "The other handover.")
    var after: FilePath

    @Flag(help: "Leave out addresses and layout.")
    var ignoreAddresses = false

    @Option(name: .shortAndLong, help: "How to show the changes.")
    var format: Format = .text

    enum Format: String, ExpressibleByArgument, CaseIterable {
        case text
        case json
    }

    func run() throws {
        // Both are read, so that both are named if neither can be.
        let (before, after) = (side(before), side(after))
        guard let before, let after else {
            throw ExitCode(ExitStatus.unreadable.rawValue)
        }
        let diff = HandoverDiff(before, after, ignoringAddresses: ignoreAddresses)
        let output = OutputStream.standardOutput(inputs: [self.before, self.after])
        switch format {
        case .text:
            for change in diff.changes { output.write("\(change)\n") }
        case .json: Self.writeJSON(diff, to: output)
        }
        output.flush()
        if !diff.isEmpty { throw ExitCode(1) }
    }

    /// Reads a handover: a document, or whatever shows one.
    private func side(_ path: FilePath) -> HandoverDiff.Side? {
        if path.extension == "json" {
            do throws(DocumentReadError) {
                return HandoverDiff.Side(state: try DocumentReader.read(path))
            } catch {
                Diagnostics.report(error.description(of: path))
                return nil
            }
        }
        do throws(InputError) {
            let input = try ProgressBar.whileReading { (progress) throws(InputError) in
                try HandoverInput(path, progress: progress)
            }
            guard let document = input.documents.first, input.documents.count == 1 else {
                Diagnostics.report("\(path): this shows \(input.documents.count) handovers; give one of them")
                return nil
            }
            let memory = document.memory.regions.isEmpty ? nil : document.memory
            return HandoverDiff.Side(state: document.reading.state, memory: memory)
        } catch {
            Diagnostics.report("\(error)")
            return nil
        }
    }

    private static func writeJSON(_ diff: HandoverDiff, to output: OutputStream) {
        var writer = DocumentWriter { output.write($0) }
        writer.array { writer in
            for change in diff.changes {
                writer.element()
                writer.object(compact: true) { writer in
                    writer.key("subject")
                    writer.string(change.subject)
                    if let before = change.before {
                        writer.key("before")
                        writer.string(before)
                    }
                    if let after = change.after {
                        writer.key("after")
                        writer.string(after)
                    }
                    writer.key("layout")
                    writer.boolean(change.isLayout)
                }
            }
        }
        writer.finish()
    }
}
