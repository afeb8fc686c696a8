import ArgumentParser
import Handover
import KernelABI
import SystemPackage

struct Dump: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dump",
        abstract: "Shows a handover.",
        discussion: """
            The kind of an INPUT is detected from its contents:
            \(InputKind.all.map { "  \($0.name.padded(to: 16))\($0.summary)" }.joined(separator: "\n"))

            Pointers are followed if the memory is available: in an image, or in --memory FILE with blobs. \
            Otherwise, what an address points to is shown as not available.

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

    @Argument(help: "A memory image, a debugfs directory, a blob, or - for standard input. Default: this machine.")
    var inputs: [FilePath] = []

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp(
            """
            tree: one screen; json: everything, several documents in sequence; jsonl: a line for each session, file \
            and FLB; dts: FDTs as source; hex: every byte.
            """))
    var format: DumpFormat = .tree

    @Option(
        help: ArgumentHelp(
            "Show only this blob, as dts or hex: the name of a subtree, or "
                + "\(HandoverDocument.Blob.rootName) for the root.",
            valueName: "name"))
    var subtree: String?

    @Flag(help: "In JSON, add the bytes of all memory that is handed over, in base64.")
    var contents = false

    @OptionGroup var parts: SelectionArguments

    @Option(
        help: ArgumentHelp(
            "Show what is at this physical address, its owner, and what points to it; may be repeated.",
            valueName: "address"))
    var at: [PhysicalAddress] = []

    @Flag(help: "Show the preserved ranges, one per line: first address, last address, bytes.")
    var preserved = false

    @Flag(help: "Show long lists in full in the tree.")
    var all = false

    @Flag(name: .shortAndLong, help: "Print nothing; report only through the exit status.")
    var quiet = false

    @Option(help: "Use colours; auto: on a terminal, unless NO_COLOR is set.")
    var color: ColorArgument = .auto

    @OptionGroup var input: InputArguments

    func validate() throws {
        if contents, format != .json { throw ValidationError("--contents requires --format json.") }
        if subtree != nil, !format.showsBlobs {
            throw ValidationError("--subtree requires --format dts or --format hex.")
        }
        let questions = [!parts.selection.isEverything, !at.isEmpty, preserved].count { $0 }
        if questions > 1 {
            throw ValidationError("Parts, --at and --preserved cannot be combined.")
        }
        if !parts.selection.isEverything, format.showsBlobs {
            throw ValidationError("--session, --token and --flb require --format tree, json or jsonl.")
        }
        if !at.isEmpty || preserved, format != .tree {
            throw ValidationError("--at and --preserved have their own format; remove --format.")
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
