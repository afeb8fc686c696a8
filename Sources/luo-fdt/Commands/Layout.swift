import ArgumentParser
import Handover
import KernelABI
import SystemPackage

struct Layout: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows the kernel's structures: offsets, sizes and limits.",
        discussion: """
            EXAMPLES
              luo-fdt layout
              luo-fdt layout --kernel 6.19
              luo-fdt layout --page-size 64K --format json
            """)

    @Option(help: ArgumentHelp("A kernel release.", valueName: "release"))
    var kernel: KernelRelease?

    @Option(help: ArgumentHelp("The page size in bytes.", valueName: "size"))
    var pageSize: PageSize = .kib4

    @Option(name: .shortAndLong, help: "How to show them.")
    var format: Format = .text

    enum Format: String, ExpressibleByArgument, CaseIterable {
        case text
        case json
    }

    func run() {
        let table = LayoutTable(generation: kernel?.generation ?? .latest, pageSize: pageSize)
        let output = OutputStream(.standardOutput)
        switch format {
        case .text: output.write(table.text)
        case .json: table.writeJSON { output.write($0) }
        }
        output.flush()
    }
}
