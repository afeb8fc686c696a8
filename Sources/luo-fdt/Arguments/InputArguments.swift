import ArgumentParser
import Handover
import KernelABI
import SystemPackage

/// How an input is read: what it is, and what it does not say itself.
struct InputArguments: ParsableArguments {
    @OptionGroup var source: SourceArguments

    @Option(help: ArgumentHelp("The kernel release whose forms to read, if it cannot be told.", valueName: "release"))
    var kernel: KernelRelease?

    func validate() throws {
        try kernel?.requireKnown()
    }

    /// Reads an input; shows how far a long search has come.
    func read(_ path: FilePath) throws(InputError) -> HandoverInput {
        try ProgressBar.whileReading { (progress) throws(InputError) in
            try HandoverInput(path, options: options, progress: progress)
        }
    }

    /// Reads an input that has to be one whole handover, with its memory; `nil` where it is not, which is reported.
    func readImage(_ path: FilePath) -> (input: HandoverInput, document: HandoverDocument)? {
        do throws(InputError) {
            let input = try read(path)
            FindingReport.print(input)
            if input.documents.first?.isOfUnknownKernel ?? false { return nil }
            guard let document = input.documents.first, !document.memory.regions.isEmpty,
                document.reading.state.kho?.fdtAddress != nil
            else {
                Diagnostics.report("\(path): this is a \(input.kind), without the memory that it points to")
                return nil
            }
            return (input, document)
        } catch {
            Diagnostics.report("\(error)")
            return nil
        }
    }

    var options: InputOptions {
        var options = source.options
        options.generation = kernel?.generation
        return options
    }
}
