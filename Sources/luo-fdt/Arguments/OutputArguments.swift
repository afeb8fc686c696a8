import ArgumentParser
import Handover
import KernelABI
import SystemPackage

extension OutputForm: ExpressibleByArgument {
    /// The given form, or else the one that the path's extension implies.
    init(of path: FilePath, or given: OutputForm?) throws {
        if path == "-", given == .directory {
            throw ValidationError("A directory cannot be written to standard output.")
        }
        guard let form = given ?? (path == "-" ? nil : OutputForm(path: path)) else {
            throw ValidationError(
                "Cannot tell the format from \(path): use extension .elf, .dtb or none, or --output-format.")
        }
        self = form
    }
}

/// Where to write a handover, and in which form.
struct OutputArguments: ParsableArguments {
    @Option(name: .shortAndLong, help: ArgumentHelp("The output file; - is standard output.", valueName: "path"))
    var output: FilePath

    @Option(
        help: """
            The format: elf (extension .elf, .core or .vmcore), bundle (.dtb) or directory (no extension). \
            Default: determined by the extension of the path.
            """)
    var outputFormat: OutputForm?

    func form() throws -> OutputForm { try OutputForm(of: output, or: outputFormat) }

    /// Writes a handover and reports on standard error what was written.
    func write(_ capture: Capture, as form: OutputForm, inputs: [FilePath]) throws(OutputError) {
        try write([capture.state] + capture.found, regions: { capture.memory.regions }, inputs) {
            (destination) throws(OutputError) in
            try form.write(capture, to: destination)
        }
    }

    /// Writes a handover that is laid out while it is written.
    func write(_ core: CoreFile, as form: OutputForm, inputs: [FilePath]) throws(OutputError) {
        try write([core.state], regions: { core.regions }, inputs) { (destination) throws(OutputError) in
            try core.write(to: destination, as: form)
        }
    }

    private func write(
        _ states: [HandoverState], regions: () -> [Range<PhysicalAddress>], _ inputs: [FilePath],
        _ write: (Destination) throws(OutputError) -> Void
    ) throws(OutputError) {
        try Output.write(to: output, inputs: inputs, write)
        let state = states[0]
        let sessions = states.flatMap { $0.luo?.sessions ?? [] }
        let files = sessions.reduce(0) { $0 + ($1.files?.count ?? 0) }
        let pages = regions().reduce(0) {
            $0 + ($1.upperBound.rawValue - $1.lowerBound.rawValue) / UInt64((state.pageSize ?? .kib4).bytes)
        }
        let root = state.kho?.fdtAddress.map { "\($0)" } ?? "no address"
        Diagnostics.report(
            "\(output): kernel \(state.releaseText ?? "unknown"), root FDT at \(root), "
                + "\(Quantity.count(sessions.count, "session")), \(Quantity.count(files, "file")), "
                + Quantity.count(pages, "page"))
    }
}
