import ArgumentParser
import Handover
import KernelABI
import SystemPackage

struct Dump: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dump",
        abstract: "Shows a handover.",
        discussion: """
            What an INPUT is, is detected from its contents:
            \(InputKind.all.map { "  \($0.name.padded(to: 16))\($0.summary)" }.joined(separator: "\n"))

            Pointers are followed where the memory is at hand: in an image, or in --memory FILE beside blobs. \
            Everywhere else an address is shown as not available.

            EXAMPLES
              luo-fdt dump vmcore
              luo-fdt dump --format json vmcore | jq '.luo.sessions[].name'
              luo-fdt dump --format jsonl vmcore | jq -r 'select(.record == "file") | .token'
              luo-fdt dump --format json --contents vmcore | luo-fdt build - -o copy.elf
              luo-fdt dump /sys/kernel/debug/kho
              luo-fdt dump --boot-data /sys/firmware/fdt /proc/vmcore
              luo-fdt dump                      (this machine)
              luo-fdt dump --format dts --subtree LUO vmcore
              luo-fdt dump --session vm-alpha vmcore
              luo-fdt dump --at 0x7d4b040 vmcore
              luo-fdt dump --preserved vmcore | awk '{ bytes += $3 } END { print bytes }'

            \(ExitStatus.discussion)
            """)

    @Argument(help: "A memory image, a debugfs directory, a blob, or - for standard input; none: this machine.")
    var inputs: [FilePath] = []

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp(
            """
            tree: one screen; json: everything, several documents in a row; jsonl: a line for each session, file and \
            FLB; dts: FDTs as source; hex: every byte.
            """))
    var format: DumpFormat = .tree

    @Option(
        help: ArgumentHelp(
            "Show this blob alone, as dts or hex: the name of a subtree, or "
                + "\(HandoverDocument.Blob.rootName) for the root.",
            valueName: "name"))
    var subtree: String?

    @Flag(help: "In JSON, add the bytes of all memory that is handed over, in base64.")
    var contents = false

    @OptionGroup var parts: SelectionArguments

    @Option(
        help: ArgumentHelp(
            "What is at this physical address, whose it is, and what points to it; may be repeated.",
            valueName: "address"))
    var at: [PhysicalAddress] = []

    @Flag(help: "The preserved ranges, one a line: first address, last address, bytes.")
    var preserved = false

    @Flag(help: "Show long lists whole in the tree.")
    var all = false

    @Flag(name: .shortAndLong, help: "Show nothing: the exit status tells.")
    var quiet = false

    @Option(help: "Use colours; auto: on a terminal, unless NO_COLOR is set.")
    var color: ColorArgument = .auto

    @OptionGroup var input: InputArguments

    func validate() throws {
        if contents, format != .json { throw ValidationError("--contents goes with --format json.") }
        if subtree != nil, !format.showsBlobs {
            throw ValidationError("--subtree goes with --format dts and --format hex.")
        }
        let questions = [!parts.selection.isEverything, !at.isEmpty, preserved].count { $0 }
        if questions > 1 {
            throw ValidationError("Ask for parts, for --at or for --preserved, not for several of them.")
        }
        if !parts.selection.isEverything, format.showsBlobs {
            throw ValidationError("--session, --token and --flb go with --format tree, json and jsonl.")
        }
        if !at.isEmpty || preserved, format != .tree {
            throw ValidationError("--at and --preserved have a form of their own: leave out --format.")
        }
    }

    func run() throws {
        request.run()
    }

    /// The arguments as a request.
    var request: DumpRequest {
        var options = input.options
        var request = DumpRequest(inputs: SourceArguments.inputs(inputs, &options))
        request.format = format
        request.subtree = subtree
        request.contents = contents
        request.selection = parts.selection
        if !at.isEmpty { request.question = .addresses(at) }
        if preserved { request.question = .preserved }
        request.all = all
        request.isQuiet = quiet
        request.color = color
        request.options = options
        return request
    }
}
