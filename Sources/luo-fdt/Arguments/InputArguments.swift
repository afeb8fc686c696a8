import ArgumentParser
import Handover
import KernelABI
import SystemPackage

/// How an input is read: what it is, and what it does not say itself.
struct InputArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp("What the input is, if it cannot be told.", valueName: "kind"),
        completion: .list(InputKind.all.map(\.name)))
    var `as`: String?

    @Option(help: ArgumentHelp("A memory image beside blobs, to follow pointers in.", valueName: "file"))
    var memory: FilePath?

    @Option(help: ArgumentHelp("Where the root FDT is: it is not searched for.", valueName: "address"))
    var fdtPa: PhysicalAddress?

    @Option(help: ArgumentHelp("A kho_data payload, which says where the root FDT is (x86).", valueName: "file"))
    var setupData: FilePath?

    @Option(help: ArgumentHelp("The kernel release whose forms to read, if it cannot be told.", valueName: "release"))
    var kernel: KernelRelease?

    @Option(help: ArgumentHelp("The page size in bytes, if it cannot be told.", valueName: "size"))
    var pageSize: PageSize?

    func validate() throws {
        if fdtPa != nil, setupData != nil {
            throw ValidationError("--fdt-pa and --setup-data both say where the root is: give one of them.")
        }
    }

    /// Reads an input; shows how far a long search has come.
    func read(_ path: FilePath) throws(InputError) -> HandoverInput {
        let progress = ProgressBar()
        defer { progress.finish() }
        return try HandoverInput(path, options: options, progress: { progress.update($0, of: $1) })
    }

    /// Reads an input that has to be one whole handover, with its memory; `nil` where it is not, which is reported.
    func readImage(_ path: FilePath) -> (input: HandoverInput, document: HandoverDocument)? {
        do throws(InputError) {
            let input = try read(path)
            FindingReport.print(input)
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

    private var options: InputOptions {
        var options = InputOptions()
        options.kind = self.as
        options.memory = memory
        options.rootAddress = fdtPa
        options.setupData = setupData
        options.generation = kernel?.generation
        options.pageSize = pageSize
        return options
    }
}
