import ArgumentParser
import Handover
import KernelABI
import SystemPackage

/// The format of an input, and where in it the handover is.
struct SourceArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp("The kind of input, if it cannot be detected.", valueName: "kind"),
        completion: .list(InputKind.all.map(\.name)))
    var `as`: String?

    @Option(
        help: ArgumentHelp(
            "A memory image: with blobs, to follow pointers in; with an image, another part of it.",
            valueName: "file"))
    var memory: [FilePath] = []

    @Option(help: ArgumentHelp("Read the input as raw memory that begins at this address.", valueName: "address"))
    var rawAt: PhysicalAddress?

    @Option(help: ArgumentHelp("The address of the root FDT, instead of searching for it.", valueName: "address"))
    var fdtPa: PhysicalAddress?

    @Option(
        name: [.customLong("boot-data"), .customLong("setup-data")],
        help: ArgumentHelp(
            "The kernel's boot data, with the addresses of the root FDT and scratch: a kho_data (x86), a "
                + "device tree with /chosen, or a directory with the properties of /chosen (arm64).",
            valueName: "file"))
    var bootData: FilePath?

    @Option(help: ArgumentHelp("The page size in bytes, if it cannot be detected.", valueName: "size"))
    var pageSize: PageSize?

    @OptionGroup var content: KindArguments

    func validate() throws {
        if let kind = self.as, !InputKind.all.contains(where: { $0.name == kind }) {
            let known = InputKind.all.map(\.name).joined(separator: ", ")
            throw ValidationError("Unknown input kind \"\(kind)\"; known kinds are \(known).")
        }
        if fdtPa != nil, bootData != nil {
            throw ValidationError("--fdt-pa and --boot-data both give the root's address: use only one of them.")
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
