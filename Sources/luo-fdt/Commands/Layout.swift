import ArgumentParser
import Handover
import KernelABI
import KernelBTF
import SystemPackage

struct Layout: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "layout",
        abstract: "Shows the kernel's structures: offsets, sizes and limits.",
        discussion: """
            EXAMPLES
              luo-fdt layout
              luo-fdt layout --kernel 6.19
              luo-fdt layout --page-size 64K --format json
              luo-fdt layout --btf /sys/kernel/btf/vmlinux

            What is known of each release, and how, is at the end.

            With --btf, the exit status is 1 if no generation matches, and 2 if the file has no BTF.
            """)

    @Option(help: ArgumentHelp("A kernel release.", valueName: "release"))
    var kernel: KernelRelease?

    @Option(
        help: ArgumentHelp("The page size in bytes. Default: 4096, or with --btf the one that fits.", valueName: "size")
    )
    var pageSize: PageSize?

    @Option(
        help: ArgumentHelp(
            "Compare with a kernel's own types: /sys/kernel/btf/vmlinux, a vmlinux, or a file of BTF.",
            valueName: "file"))
    var btf: FilePath?

    @Option(
        help: ArgumentHelp(
            "With --btf: print the source file of a new generation, to be completed by hand.", valueName: "release"))
    var skeleton: String?

    @Option(name: .shortAndLong, help: "The output format.")
    var format: Format = .text

    enum Format: String, ExpressibleByArgument, CaseIterable {
        case text
        case json
    }

    func validate() throws {
        try kernel?.requireKnown()
        guard let skeleton else { return }
        if btf == nil { throw ValidationError("--skeleton requires --btf, the new kernel's file.") }
        if Release(skeleton) == nil { throw ValidationError("\"\(skeleton)\" is not a release; use one such as 7.5.") }
    }

    func run() throws {
        if let btf { return try compare(with: btf) }
        let table = LayoutTable(generation: kernel?.generation ?? .latest, pageSize: pageSize ?? .kib4)
        let output = OutputStream(.standardOutput)
        switch format {
        case .text: output.write(table.text)
        case .json: table.writeJSON(to: output)
        }
        output.flush()
    }

    private func compare(with path: FilePath) throws {
        let layout = try LayoutBTF(path: path, generation: kernel?.generation, pageSize: pageSize)
        let output = OutputStream.standardOutput(inputs: [path])
        if let release = skeleton.flatMap({ Release($0) }) {
            output.write(layout.skeleton(for: release))
            output.flush()
            return
        }
        switch format {
        case .text: output.write(layout.text)
        case .json: layout.writeJSON(to: output)
        }
        output.flush()
        if !layout.comparison.isMatch { throw ExitCode(1) }
    }
}
