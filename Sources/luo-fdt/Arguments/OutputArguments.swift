import ArgumentParser
import Handover
import SystemPackage

extension OutputForm: ExpressibleByArgument {}

/// Where a handover is written, and in which form.
struct OutputArguments: ParsableArguments {
    @Option(name: .shortAndLong, help: ArgumentHelp("Where to write it; - is standard output.", valueName: "path"))
    var output: FilePath

    @Option(
        help: """
            The form: elf (ends in .elf, .core, .vmcore), bundle (.dtb) or directory (no ending). \
            Told from the path's ending where it is not given.
            """)
    var outputFormat: OutputForm?

    func form() throws -> OutputForm {
        if let form = outputFormat ?? (output == "-" ? nil : OutputForm(path: output)) { return form }
        throw ValidationError(
            "\(output) does not tell the form: end it in .elf, .dtb or nothing, or give --output-format.")
    }

    /// Writes a handover and says on standard error what was written.
    func write(_ capture: Capture, as form: OutputForm) -> ExitStatus {
        do throws(OutputError) {
            try form.write(capture, to: output)
        } catch {
            Diagnostics.report("\(error)")
            return .unreadable
        }
        let sessions = capture.state.luo?.sessions ?? []
        let files = sessions.reduce(0) { $0 + ($1.files?.count ?? 0) }
        let pages = capture.memory.regions.reduce(0) {
            $0 + ($1.upperBound.rawValue - $1.lowerBound.rawValue) / UInt64(capture.state.pageSize)
        }
        let root = capture.rootAddress.map { "\($0)" } ?? "no address"
        Diagnostics.report(
            "\(output): kernel \(capture.state.kernel ?? "unknown"), root FDT at \(root), "
                + "\(sessions.count) sessions, \(files) files, \(pages) pages")
        return .fine
    }
}
