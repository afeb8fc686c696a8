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

    @Option(name: .shortAndLong, help: "How to show it. Several documents in JSON follow each other.")
    var format: DumpFormat = .json

    @Option(
        help: ArgumentHelp("What the input is, if it cannot be told.", valueName: "kind"),
        completion: .list(InputKind.all.map(\.name)))
    var `as`: String?

    @Option(help: ArgumentHelp("A memory image beside blobs, to follow pointers in.", valueName: "file"))
    var memory: FilePath?

    @Option(help: ArgumentHelp("Where the root FDT is: it is not searched for.", valueName: "address"))
    var fdtPa: PhysicalAddress?

    @Option(help: ArgumentHelp("A kho_data payload, which says where the root FDT is (x86).", valueName: "file"))
    var setupData: FilePath?

    @Option(help: ArgumentHelp("The kernel release whose forms to read, if it cannot be told.", valueName: "release"))
    var kernel: KernelRelease?

    @Option(help: ArgumentHelp("The page size in bytes, if it cannot be told.", valueName: "size"))
    var pageSize: PageSize?

    func validate() throws {
        if inputs.isEmpty { throw ValidationError("There is no INPUT.") }
        if fdtPa != nil, setupData != nil {
            throw ValidationError("--fdt-pa and --setup-data both say where the root is: give one of them.")
        }
    }

    func run() throws {
        let output = OutputStream(.standardOutput)
        var status = ExitStatus.fine
        for path in inputs {
            status = status.worse(show(path, on: output))
        }
        output.flush()
        try status.end()
    }

    private func show(_ path: FilePath, on output: OutputStream) -> ExitStatus {
        let progress = ProgressBar()
        let input: HandoverInput
        do throws(InputError) {
            input = try HandoverInput(path, options: options, progress: { progress.update($0, of: $1) })
            progress.finish()
        } catch {
            progress.finish()
            output.flush()
            Diagnostics.report("\(error)")
            return .unreadable
        }
        for document in input.documents {
            format.show(document, of: input, on: output)
        }
        output.flush()
        FindingReport.print(input)
        return input.isDamaged ? .damaged : .fine
    }

    private var options: InputOptions {
        var options = InputOptions()
        options.kind = self.as
        options.memory = memory
        options.rootAddress = fdtPa
        options.setupData = setupData
        options.generation = kernel?.generation
        options.pageSize = pageSize
        return options
    }
}

extension String {
    /// The string with spaces behind it.
    func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}
