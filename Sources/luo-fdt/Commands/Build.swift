import ArgumentParser
import Handover
import KernelABI
import SystemPackage

struct Build: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "build",
        abstract: "Builds a handover from a JSON document, as the kernel would have written it.",
        discussion: """
            The DOCUMENT is what `luo-fdt dump --format json` prints, with nearly everything optional: what it \
            omits is filled in as the kernel would, and addresses are assigned from --base upwards, the same ones \
            every time. `luo-fdt schema` prints its schema. What no kernel would write is refused, with all \
            problems at once; --force builds it nevertheless, to test a kernel's error paths.

            EXAMPLES
              luo-fdt build handover.json -o handover.elf
              luo-fdt build handover.json -o handover.dtb && fdtdump handover.dtb
              luo-fdt build handover.json --subtree LUO -o LUO
              luo-fdt dump --format json vmcore | luo-fdt build - -o copy.elf

            \(ExitStatus.discussion)
            """)

    @Argument(help: "The JSON document; - is standard input. Files that it names are relative to its directory.")
    var document: FilePath

    @OptionGroup var destination: OutputArguments

    @Option(help: ArgumentHelp("The lowest address to assign.", valueName: "address"))
    var base = HandoverPlanner.Options().base

    @Option(help: ArgumentHelp("Write only this subtree's blob; kho is the root FDT.", valueName: "name"))
    var subtree: String?

    @OptionGroup var content: KindArguments

    @Flag(help: "Build even what no kernel would write, as far as it can be represented.")
    var force = false

    func run() throws {
        let form = try subtree == nil ? destination.form() : nil
        let files = DocumentFiles(besides: document)
        let plan = try plan(files)
        let inputs = [document] + plan.contentFiles.map(files.path)
        do {
            let core = try CoreFile(of: plan) { name throws(FileError) in try files.open(name) }
            if let form {
                try destination.write(core, as: form, inputs: inputs)
            } else {
                try writeSubtree(of: core, inputs)
            }
            ExitStatus.fine.exit(keeping: core)
        } catch let error as WriteError {
            throw Failure("\(document): \(error)")
        }
    }

    /// The complete handover that the document describes.
    private func plan(_ files: DocumentFiles) throws -> HandoverState {
        Heap.makeRoom(forInputAt: document, share: 0.6)
        let state: HandoverState
        do throws(DocumentReadError) {
            state = try DocumentReader.read(document)
        } catch {
            throw Failure(error.description(of: document))
        }
        do throws(PlanError) {
            var options = HandoverPlanner.Options()
            options.base = base
            options.force = force
            options.kinds = content.all()
            return try HandoverPlanner.plan(consume state, options: options) { name throws(FileError) in
                try files.open(name).count
            }
        } catch {
            for problem in error.problems { Diagnostics.report("\(document): \(problem)") }
            if error.canBeForced { Diagnostics.report("\(document): --force builds it nevertheless") }
            throw ExitCode.unreadable
        }
    }

    private func writeSubtree(of core: CoreFile, _ inputs: [FilePath]) throws {
        let blob = try Output.write(to: destination.output, inputs: inputs) { (destination) throws(OutputError) in
            let capture = try core.capture()
            let blob = subtree.flatMap { capture.blob(ofSubtree: $0) }
            if let blob { try destination.write(blob) }
            return (isThere: blob != nil, subtrees: capture.state.kho?.subtrees ?? [])
        }
        guard blob.isThere else {
            let names = ["kho"] + blob.subtrees.map(\.name.bare)
            throw Failure(
                "\(document): no subtree \(subtree ?? ""); there are \(names.joined(separator: ", "))")
        }
    }
}
