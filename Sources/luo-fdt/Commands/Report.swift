import ArgumentParser
import Handover
import KernelABI
import SystemPackage

struct Report: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Writes a page about a handover, for a browser or for printing.",
        discussion: """
            One HTML file that needs nothing else: the verdict and the findings of check, a map of physical memory, \
            the structures with their bytes, sessions, files and FLBs. With --since, also what has changed since an \
            earlier capture.

            EXAMPLES
              luo-fdt report vmcore -o report.html
              luo-fdt report after.elf --since before.elf -o report.html

            \(ExitStatus.discussion)
            """)

    @Argument(help: "A memory image, or another input that dump accepts.")
    var image: FilePath

    @Option(help: ArgumentHelp("An earlier handover to compare with.", valueName: "file"))
    var since: FilePath?

    @Option(name: .shortAndLong, help: ArgumentHelp("The output file; - is standard output.", valueName: "path"))
    var output: FilePath

    @Option(help: ArgumentHelp("Memory that the next kernel boots from.", valueName: "address,size"))
    var scratch: [MemoryRange] = []

    @OptionGroup var input: InputArguments

    func run() throws {
        let earlier = try since.map { try self.document($0).document }
        let (read, document) = try self.document(image)
        let page = ReportPage(of: document, in: read, since: earlier, scratch: scratch.map(\.range))
        let inputs = [image] + (since.map { [$0] } ?? []) + input.options.files
        let html = Array(page.html.utf8)
        try Output.write(to: output, inputs: inputs) { (file) throws(OutputError) in try file.write(html) }
        try (read.isDamaged ? ExitStatus.damaged : .fine).end()
    }

    private func document(_ path: FilePath) throws -> (input: HandoverInput, document: HandoverDocument) {
        let read = try HandoverInput.read(path, input.options)
        FindingReport.print(read)
        let handovers = read.documents.filter { !$0.isFound }
        if handovers.count <= 1, let document = handovers.first ?? read.documents.first { return (read, document) }
        throw Failure(
            "\(path): this shows \(handovers.count) handovers; give one of "
                + handovers.compactMap(\.part).joined(separator: ", "))
    }
}
