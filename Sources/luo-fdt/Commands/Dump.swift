import ArgumentParser
import Handover
import KernelABI
import SystemPackage

struct Dump: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows a handover.",
        discussion: """
            What an INPUT is, is found out by looking at it:
            \(InputKind.all.map { "  \($0.name.padded(to: 16))\($0.summary)" }.joined(separator: "\n"))

            Pointers are followed where the memory is at hand: in an image, or in --memory FILE beside blobs. \
            Everywhere else an address is shown as not available.

            EXAMPLES
              luo-fdt dump vmcore
              luo-fdt dump --format json vmcore | jq '.luo.sessions[].name'
              luo-fdt dump /sys/kernel/debug/kho
              luo-fdt dump --setup-data /sys/kernel/boot_params/setup_data/1/data /proc/vmcore
              luo-fdt dump --format dts --subtree LUO vmcore

            \(ExitStatus.discussion)
            """)

    @Argument(help: "A memory image, a debugfs directory, a blob, or - for standard input.")
    var inputs: [FilePath]

    @Option(
        name: .shortAndLong,
        help: "tree: one screen; json: everything, several documents in a row; dts: FDTs as source; hex: every byte.")
    var format: DumpFormat = .tree

    @Option(
        help: ArgumentHelp(
            "Show this blob alone, as dts or hex: the name of a subtree, or \(HandoverDocument.Blob.rootName) for the root.",
            valueName: "name"))
    var subtree: String?

    @Flag(help: "Show long lists whole in the tree.")
    var all = false

    @Option(help: "Use colours; auto: on a terminal, unless NO_COLOR is set.")
    var color: ColorArgument = .auto

    @OptionGroup var input: InputArguments

    func validate() throws {
        if inputs.isEmpty { throw ValidationError("There is no INPUT.") }
        if subtree != nil, !format.showsBlobs {
            throw ValidationError("--subtree goes with --format dts and --format hex.")
        }
    }

    func run() throws {
        let stream = OutputStream(.standardOutput)
        let output = DumpOutput(
            format: format, style: color.style(on: stream), all: all, blob: subtree, needsHeadings: inputs.count > 1,
            stream: stream)
        var status = ExitStatus.fine
        for path in inputs {
            status = status.worse(show(path, on: output))
            stream.flush()
        }
        try status.end()
    }

    private func show(_ path: FilePath, on output: DumpOutput) -> ExitStatus {
        do throws(InputError) {
            let handover = try input.read(path)
            if let subtree, !handover.documents.contains(where: { $0.blob(named: subtree) != nil }) {
                let names = handover.documents.flatMap { $0.blobs.map(\.name) }.joined(separator: ", ")
                Diagnostics.report("\(handover.path): no subtree \"\(subtree)\"; there are \(names)")
                return .unreadable
            }
            output.show(handover)
            output.stream.flush()
            FindingReport.print(handover)
            return handover.isDamaged ? .damaged : .fine
        } catch {
            Diagnostics.report("\(error)")
            return .unreadable
        }
    }
}

extension String {
    /// The string with spaces behind it.
    func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}
