import ArgumentParser
import Handover
import KernelABI
import SystemPackage

/// The format of an input, and where in it the handover is.
struct SourceArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp("What the input is, if it cannot be told.", valueName: "kind"),
        completion: .list(InputKind.all.map(\.name)))
    var `as`: String?

    @Option(
        help: ArgumentHelp(
            "A memory image: beside blobs, to follow pointers in; beside an image, a further part of it.",
            valueName: "file"))
    var memory: [FilePath] = []

    @Option(help: ArgumentHelp("The input is raw memory, which begins at this address.", valueName: "address"))
    var rawAt: PhysicalAddress?

    @Option(help: ArgumentHelp("Where the root FDT is: it is not searched for.", valueName: "address"))
    var fdtPa: PhysicalAddress?

    @Option(
        name: [.customLong("boot-data"), .customLong("setup-data")],
        help: ArgumentHelp(
            "What the kernel was booted with, which says where the root FDT and scratch are: a kho_data (x86), a "
                + "device tree with /chosen, or a directory with the properties of /chosen (arm64).",
            valueName: "file"))
    var bootData: FilePath?

    @Option(help: ArgumentHelp("The page size in bytes, if it cannot be told.", valueName: "size"))
    var pageSize: PageSize?

    @OptionGroup var content: KindArguments

    func validate() throws {
        if let kind = self.as, !InputKind.all.contains(where: { $0.name == kind }) {
            let known = InputKind.all.map(\.name).joined(separator: ", ")
            throw ValidationError("There is no kind of input \"\(kind)\"; there are \(known).")
        }
        if fdtPa != nil, bootData != nil {
            throw ValidationError("--fdt-pa and --boot-data both say where the root is: give one of them.")
        }
    }

    /// The inputs, or this machine if there are none.
    static func inputs(_ given: [FilePath], _ options: inout InputOptions) -> [FilePath] {
        guard given.isEmpty else { return given }
        options.kind = InputKind.machineName
        return [HandoverInput.thisMachine]
    }

    var options: InputOptions {
        var options = InputOptions()
        options.kind = self.as
        options.memory = memory
        options.rawAddress = rawAt
        options.rootAddress = fdtPa
        options.bootData = bootData
        options.pageSize = pageSize
        options.kinds = content.all()
        return options
    }
}

extension InputOptions {
    /// The files that are read in addition to the input.
    var files: [FilePath] { memory + [bootData].compactMap(\.self) }
}
