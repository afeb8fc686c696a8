import ArgumentParser
import Handover
import KernelABI
import SystemPackage

/// How to read an input: its format, and what it does not state itself.
struct InputArguments: ParsableArguments {
    @OptionGroup var source: SourceArguments

    @Option(help: ArgumentHelp("The kernel release to read as, if it cannot be detected.", valueName: "release"))
    var kernel: KernelRelease?

    @Flag(
        help: "Search memory for sessions that nothing points to any more, as after a crash; they are marked as found.")
    var search = false

    func validate() throws {
        try kernel?.requireKnown()
    }

    /// A whole handover with its memory, and what a search found beside it.
    struct ReadImage {
        var input: HandoverInput
        var document: HandoverDocument
        var found: [HandoverDocument]

        var documents: [HandoverDocument] { [document] + found }
    }

    /// Reads an input that must be a whole handover with its memory.
    ///
    /// - Parameters:
    ///   - path: `nil` for this machine.
    ///   - isWanted: If there are several handovers, the first that satisfies this is returned, or else the first.
    func readImage(
        _ path: FilePath?, where isWanted: (HandoverState) -> Bool = { _ in true }
    ) throws -> ReadImage {
        var options = options
        let path = SourceArguments.inputs([path].compactMap { $0 }, &options)[0]
        let input = try HandoverInput.read(path, options)
        FindingReport.print(input)
        if input.documents.first?.isOfUnknownKernel ?? false { throw ExitCode.unreadable }
        let documents = input.documents.filter {
            !$0.memory.regions.isEmpty
                && ($0.reading.state.kho?.fdtAddress != nil || $0.isFound || $0.reading.state.luo?.sessions != nil)
        }
        guard let index = documents.firstIndex(where: { isWanted($0.reading.state) }) ?? documents.indices.first else {
            throw Failure("\(path): this is input of kind \(input.kind), without the memory that it points to")
        }
        let found = documents.indices.filter { $0 != index && documents[$0].isFound }.map { documents[$0] }
        return ReadImage(input: input, document: documents[index], found: found)
    }

    var options: InputOptions {
        var options = source.options
        options.generation = kernel?.generation
        options.searches = search
        return options
    }
}
