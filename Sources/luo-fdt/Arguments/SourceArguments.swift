import ArgumentParser
import Handover
import KernelABI
import SystemPackage

/// What an input is, and where in it the handover lies.
struct SourceArguments: ParsableArguments {
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

    @Option(help: ArgumentHelp("The page size in bytes, if it cannot be told.", valueName: "size"))
    var pageSize: PageSize?

    @OptionGroup var content: KindArguments

    func validate() throws {
        if let kind = self.as, !InputKind.all.contains(where: { $0.name == kind }) {
            let known = InputKind.all.map(\.name).joined(separator: ", ")
            throw ValidationError("There is no kind of input \"\(kind)\"; there are \(known).")
        }
        if fdtPa != nil, setupData != nil {
            throw ValidationError("--fdt-pa and --setup-data both say where the root is: give one of them.")
        }
    }

    var options: InputOptions {
        var options = InputOptions()
        options.kind = self.as
        options.memory = memory
        options.rootAddress = fdtPa
        options.setupData = setupData
        options.pageSize = pageSize
        options.kinds = content.all()
        return options
    }
}

extension InputOptions {
    /// The files that are read besides the input.
    var files: [FilePath] { [memory, setupData].compactMap(\.self) }
}
