import ArgumentParser
import Handover
import LiveUpdate
import SystemPackage

/// The release of a kernel to simulate. More releases differ in the lifecycle than in what they hand over.
struct ScenarioKernel: ExpressibleByArgument {
    let name: String

    init?(argument: String) {
        guard KernelRelease(argument: argument) != nil else { return nil }
        name = argument
    }

    static var allValueStrings: [String] { KernelConfiguration.releases }
}

struct Simulate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Plays scenarios of live updates, and reports the events.",
        discussion: """
            A SCENARIO is a JSON document: file handlers, file-lifecycle-bound objects (FLBs), files, and the steps \
            that use them, over any number of kernels. Each step states what it expects, and the first that does \
            not meet its expectation ends the scenario. Concurrent steps are played in all interleavings. \
            docs/scenarios.md explains each action and each expectation by \
            example, `luo-fdt schema scenario` prints the schema, and Fixtures/scenarios has more examples.

            EXAMPLES
              luo-fdt simulate first-and-last.json
              luo-fdt simulate --quiet Fixtures/scenarios/*.json
              luo-fdt simulate --format tap Fixtures/scenarios/*.json
              luo-fdt simulate --kernel 7.1.13 two-updates.json
              luo-fdt simulate race-mutex.json
              luo-fdt simulate --format json first-and-last.json | jq '.steps[].events[]'
              luo-fdt simulate two-updates.json --at first -o first.elf
              luo-fdt simulate --image vmcore after-the-update.json

            EXIT STATUS
              0   everything was as expected
              1   something was not
              2   a scenario or image cannot be read, or the image cannot be written
              64  wrong usage
            """)

    @Argument(help: "The scenarios; - is standard input.")
    var scenarios: [FilePath]

    @Option(help: "The output format: a story, JSON, KTAP, JUnit, or what a real kernel's player prints.")
    var format: ScenarioFormat = .tree

    @Flag(help: "Show only a line for each scenario that is not as expected, and a summary.")
    var quiet = false

    @Option(help: ArgumentHelp("The release of all kernels, overriding the scenario.", valueName: "release"))
    var kernel: ScenarioKernel?

    @Option(
        help: ArgumentHelp(
            "An image for the first kernel to receive, in any format that dump reads.", valueName: "path"))
    var image: FilePath?

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("The output file for an image that is handed over; - is standard output.", valueName: "path")
    )
    var output: FilePath?

    @Option(help: "The image's format: elf, bundle or directory. Default: determined by the extension of the path.")
    var outputFormat: OutputForm?

    @Option(
        help: ArgumentHelp("The name of the kexec whose image to write. Default: the last one.", valueName: "name"))
    var at: String?

    func validate() throws {
        if at != nil, output == nil { throw ValidationError("--at requires --output.") }
        if output != nil, scenarios.count > 1 { throw ValidationError("--output requires a single scenario.") }
    }

    func run() throws {
        let form = try output.map { try OutputForm(of: $0, or: outputFormat) }
        if let kernel, KernelConfiguration(release: kernel.name) == nil {
            throw Failure(KernelConfiguration.unknown(kernel.name))
        }
        let handedOver = try image.map(handedOver)
        let reports = scenarios.map { NamedReport(name: $0.stem ?? $0.string, outcome: play($0, from: handedOver)) }
        for case .unplayable(let problem) in reports.map(\.outcome) { Diagnostics.report(problem) }
        // An image on standard output leaves no room for a report.
        if output != "-" {
            let stream = OutputStream.standardOutput(inputs: inputs)
            format.show(reports, isQuiet: quiet, on: stream)
            stream.flush()
        }
        if let output, let form, let report = reports.first?.report { try write(report, to: output, form) }
        try reports.map(\.status).reduce(ExitStatus.fine) { $0.worse($1) }.end()
    }

    private var inputs: [FilePath] { scenarios + (image.map { [$0] } ?? []) }

    private func play(_ path: FilePath, from image: HandedOver?) -> NamedReport.Outcome {
        var scenario: Scenario
        do throws(DocumentReadError) {
            scenario = try Scenario.read(path)
        } catch {
            return .unplayable(error.description(of: path))
        }
        if let image, let stated = scenario.pageSize, stated != image.pageSize {
            return .unplayable(
                "\(path): .page_size: the image is of a kernel with pages of \(image.pageSize.bytes) bytes, and "
                    + "one with pages of \(stated.bytes) panics on it in kho_radix_walk_tree()")
        }
        scenario.pageSize = image?.pageSize ?? scenario.pageSize
        if let kernel {
            scenario.kernel = kernel.name
            scenario.isOfOneKernel = true
        }
        // A real kernel continues regardless of what a scenario expects.
        return .played(scenario.run(from: image, stopsAtProblem: format != .kernel))
    }

    private func handedOver(_ path: FilePath) throws -> HandedOver {
        let document = try InputArguments.parse([]).readImage(path).document
        do throws(MemoryError) {
            return try HandedOver(
                copying: document.memory, rootAddress: document.reading.state.kho?.fdtAddress,
                pageSize: document.pageSize)
        } catch {
            throw Failure("\(path): \(error)")
        }
    }

    private func write(_ report: ScenarioReport, to path: FilePath, _ form: OutputForm) throws {
        guard let capture = report.image(named: at)?.capture else {
            let names = report.images.compactMap(\.name).joined(separator: ", ")
            throw Failure(
                at.map { "no kexec is named \"\($0)\"; there are: \(names)" }
                    ?? "the scenario did not reach a kexec, so there is no image")
        }
        try Output.write(to: path, inputs: inputs) { (destination) throws(OutputError) in
            try form.write(capture, to: destination)
        }
        let root = capture.rootAddress.map { "\($0)" } ?? "no address"
        Diagnostics.report(
            "\(path): handed over by kernel \(capture.state.releaseText ?? "unknown"), root FDT at \(root)")
    }
}
