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

            With --btf, the exit status is 1 where no generation matches, and 2 where the file has no BTF.
            """)

    @Option(help: ArgumentHelp("A kernel release.", valueName: "release"))
    var kernel: KernelRelease?

    @Option(help: ArgumentHelp("The page size in bytes.", valueName: "size"))
    var pageSize: PageSize = .kib4

    @Option(
        help: ArgumentHelp(
            "Compare with a kernel's own types: /sys/kernel/btf/vmlinux, a vmlinux, or a file of BTF.", valueName: "file"))
    var btf: FilePath?

    @Option(name: .shortAndLong, help: "How to show them.")
    var format: Format = .text

    enum Format: String, ExpressibleByArgument, CaseIterable {
        case text
        case json
    }

    func validate() throws {
        try kernel?.requireKnown()
    }

    func run() throws {
        if let btf { return try compare(with: btf) }
        let table = LayoutTable(generation: kernel?.generation ?? .latest, pageSize: pageSize)
        let output = OutputStream(.standardOutput)
        switch format {
        case .text: output.write(table.text)
        case .json: table.writeJSON { output.write($0) }
        }
        output.flush()
    }

    private func compare(with path: FilePath) throws {
        let layout: LayoutBTF
        do throws(TypeInformationError) {
            layout = try LayoutBTF(path: path, generation: kernel?.generation, pageSize: pageSize)
        } catch {
            Diagnostics.report("\(error)")
            throw ExitCode(ExitStatus.unreadable.rawValue)
        }
        let output = OutputStream.standardOutput(inputs: [path])
        switch format {
        case .text: output.write(layout.text)
        case .json: layout.writeJSON { output.write($0) }
        }
        output.flush()
        if !layout.comparison.isMatch { throw ExitCode(1) }
    }
}
