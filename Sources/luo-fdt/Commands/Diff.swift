import ArgumentParser
import Handover
import KernelABI
import SystemPackage

struct Diff: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "Shows what changed between two handovers.",
        discussion: """
            Sessions, FLBs and regions are compared by name, files by token and with their contents; then the \
            addresses, and every byte that none of this accounts for. A FILE is anything that dump accepts, or a \
            JSON document. Directories with two sides are compared side by side; an out with an in, as what was handed \
            over with what was received. What an input does not show is marked with a ?, such as contents that a \
            document omits (dump -f json --contents includes them).

            EXAMPLES
              luo-fdt diff before.elf after.elf
              luo-fdt diff --ignore-addresses --ignore-contents golden.json vmcore

            EXIT STATUS
              0   they are the same
              1   they differ
              2   a file is not a handover or cannot be read
              3   no difference was found, but not everything could be compared
              64  wrong usage
            """)

    @Argument(help: "The old handover.")
    var before: FilePath

    @Argument(help: "The new handover.")
    var after: FilePath

    @Flag(help: "Ignore addresses and layout.")
    var ignoreAddresses = false

    @Flag(help: "Ignore the contents of files and of regions.")
    var ignoreContents = false

    @Option(name: .shortAndLong, help: "The output format.")
    var format: Format = .text

    @OptionGroup var content: KindArguments

    enum Format: String, ExpressibleByArgument, CaseIterable {
        case text
        case json
    }

    func run() throws {
        // Reads both before failing, so that both are reported if neither can be read.
        let (before, after) = (sides(before), sides(after))
        guard let before, let after else { throw ExitCode.unreadable }
        let output = OutputStream.standardOutput(inputs: [self.before, self.after])
        var diffs: [(part: String?, diff: HandoverDiff)] = []
        var rest = after
        for side in before {
            let place =
                before.count == 1 && after.count == 1
                ? rest.indices.first
                : rest.firstIndex { $0.part == side.part || $0.side == side.side && side.side != nil }
            guard let place else {
                Diagnostics.report("\(side.part ?? "\(self.before)"): only in \(self.before)")
                continue
            }
            let other = rest.remove(at: place)
            let diff = HandoverDiff(
                side.shown, other.shown, ignoringAddresses: ignoreAddresses, ignoringContents: ignoreContents)
            diffs.append((side.part, diff))
        }
        for side in rest { Diagnostics.report("\(side.part ?? "\(self.after)"): only in \(self.after)") }
        switch format {
        case .text:
            for (part, diff) in diffs {
                if diffs.count > 1, let part { output.write("\(part):\n") }
                for change in diff.changes { output.write("\(change)\n") }
                for subject in diff.uncompared { output.write("\(subject)\n") }
            }
        case .json: Self.writeJSON(diffs.map(\.diff), to: output)
        }
        output.flush()
        let isOneSided = diffs.count < before.count || !rest.isEmpty
        if isOneSided || diffs.contains(where: { !$0.diff.isEmpty }) { throw ExitCode(1) }
        let isOpen = diffs.contains { !$0.diff.uncompared.isEmpty }
        // In an incomplete dump, missing parts may hide differences.
        if isOpen || (before + after).contains(where: \.isOfDamagedFile) { throw ExitCode(3) }
    }

    /// A handover in an input.
    private struct Part {
        var part: String?
        var side: HandoverDocument.Side?
        var shown: HandoverDiff.Side
        /// Whether something is wrong with the input file.
        var isOfDamagedFile = false
    }

    /// Reads the handovers in an input; a document contains one.
    private func sides(_ path: FilePath) -> [Part]? {
        if path.extension == "json" {
            do throws(DocumentReadError) {
                let files = DocumentFiles(besides: path)
                let side = HandoverDiff.Side(try DocumentReader.read(path)) { name throws(FileError) in
                    try files.open(name)
                }
                return [Part(shown: side)]
            } catch {
                Diagnostics.report(error.description(of: path))
                return nil
            }
        }
        do throws(InputError) {
            var options = InputOptions()
            options.kinds = content.all()
            let input = try HandoverInput.read(path, options)
            FindingReport.print(input)
            return input.documents.map { document in
                Part(
                    part: document.part, side: document.side, shown: HandoverDiff.Side(document),
                    isOfDamagedFile: document.reading.isInputDamaged
                )
            }
        } catch {
            Diagnostics.report("\(error)")
            return nil
        }
    }

    private static func writeJSON(_ diffs: [HandoverDiff], to output: OutputStream) {
        output.writeJSON { writer in
            writer.array { writer in
                for subject in diffs.flatMap(\.uncompared) {
                    writer.element()
                    writer.object(compact: true) { writer in
                        writer.member("subject", subject.subject)
                        writer.member(
                            "uncompared", subject.isInBefore ? "after" : subject.isInAfter ? "before" : "both")
                    }
                }
                for change in diffs.flatMap(\.changes) {
                    writer.element()
                    writer.object(compact: true) { writer in
                        writer.member("subject", change.subject)
                        writer.member("before", change.before)
                        writer.member("after", change.after)
                        writer.member("layout", change.isLayout)
                    }
                }
            }
        }
    }
}
