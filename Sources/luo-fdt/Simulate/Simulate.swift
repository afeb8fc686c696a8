import ArgumentParser
import Handover
import LiveUpdate
import SystemPackage

struct Simulate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Plays a scenario of live updates, and tells what happens.",
        discussion: """
            The SCENARIO is a JSON document: file handlers, file-lifecycle-bound objects, files, and the steps that \
            are done with them, over as many kernels as it has. Each step says what it expects, and the first that \
            does not get it ends the run. --output writes the image that a kernel hands over, in any form that \
            `luo-fdt build` writes.

            EXAMPLES
              luo-fdt simulate first-and-last.json
              luo-fdt simulate --trace json first-and-last.json | jq '.steps[].events[]'
              luo-fdt simulate two-updates.json --at first -o first.elf

            EXIT STATUS
              0   all was as expected
              1   something was not
              2   the scenario cannot be read, or the image cannot be written
              64  wrong usage
            """)

    @Argument(help: "The scenario; - is standard input.")
    var scenario: FilePath

    @Option(help: "How to show what happens.")
    var trace: TraceFormat = .tree

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("Where to write an image that is handed over; - is standard output.", valueName: "path"))
    var output: FilePath?

    @Option(help: "The image's form: elf, bundle or directory. Told from the path's ending where it is not given.")
    var outputFormat: OutputForm?

    @Option(help: ArgumentHelp("The name of the kexec whose image to write; the last one if not given.", valueName: "name"))
    var at: String?

    func validate() throws {
        if at != nil, output == nil { throw ValidationError("--at names what --output is to write.") }
    }

    func run() throws {
        let form = try output.map(form(of:))
        let report: ScenarioReport
        do throws(DocumentReadError) {
            report = try Scenario.read(scenario).run()
        } catch {
            Diagnostics.report(error.description(of: scenario))
            throw ExitCode(ExitStatus.unreadable.rawValue)
        }
        // An image on standard output leaves no room for the trace.
        if output != "-" {
            let stream = OutputStream.standardOutput(inputs: [scenario])
            trace.show(report, on: stream)
            stream.flush()
        }
        var status = report.hasPassed ? ExitStatus.fine : .damaged
        if let output, let form { status = status.worse(write(report, to: output, form)) }
        try status.end()
    }

    private func form(of path: FilePath) throws -> OutputForm {
        if path == "-", outputFormat == .directory {
            throw ValidationError("A directory cannot be written to standard output.")
        }
        if let form = outputFormat ?? (path == "-" ? nil : OutputForm(path: path)) { return form }
        throw ValidationError(
            "\(path) does not tell the form: end it in .elf, .dtb or nothing, or give --output-format.")
    }

    private func write(_ report: ScenarioReport, to path: FilePath, _ form: OutputForm) -> ExitStatus {
        guard let capture = report.image(named: at)?.capture else {
            let names = report.images.compactMap(\.name).joined(separator: ", ")
            Diagnostics.report(
                at.map { "no kexec is called \"\($0)\"; there are: \(names)" } ?? "the scenario has no kexec")
            return .unreadable
        }
        func write(to destination: Destination) throws(OutputError) { try form.write(capture, to: destination) }
        guard Output.write(to: path, inputs: [scenario], write) != nil else { return .unreadable }
        let root = capture.rootAddress.map { "\($0)" } ?? "no address"
        Diagnostics.report("\(path): handed over by kernel \(capture.state.release ?? "unknown"), root FDT at \(root)")
        return .fine
    }
}
