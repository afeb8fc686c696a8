import ArgumentParser
import Handover
import KernelABI
import KernelBTF
import SystemPackage

/// Kinds of content in addition to those of the catalogue.
struct KindArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Descriptions of kinds of content: a file, or a directory of .json files; may be repeated.",
            valueName: "path"), completion: .file(extensions: ["json"]))
    var kinds: [FilePath] = []

    @Option(
        help: ArgumentHelp(
            "Read payloads of a kind with one of its layouts; may be repeated.", valueName: "name=layout"))
    var kind: [KindChoice] = []

    @Option(
        help: ArgumentHelp(
            "A vmlinux, for structures that descriptions take from it; in check, the receiving kernel.",
            valueName: "file"))
    var btf: FilePath?

    /// All kinds, including those from the files; ends the process, with the reason, if they cannot be read.
    func all() -> ContentKinds {
        var all = ContentKinds.standard
        do throws(TypeInformationError) {
            let types = try btf.map { (path) throws(TypeInformationError) in try TypeInformation(path: path.string) }
            for path in kinds.flatMap(ContentKinds.documents) {
                do throws(DocumentReadError) {
                    try all.add(path) { types?.declaration(of: $0) }
                } catch {
                    fail(error.description(of: path))
                }
            }
        } catch {
            fail("\(error)")
        }
        for choice in kind {
            do throws(DocumentReadError) {
                try all.choose(choice.layout, of: choice.name)
            } catch {
                fail("--kind \(choice.name)=\(choice.layout): \(error)")
            }
        }
        return all
    }

    private func fail(_ problem: String) -> Never {
        Diagnostics.report(problem)
        ExitStatus.unreadable.exit(keeping: ())
    }
}

/// A choice of layout for a kind: `pci-v1=64-bit`.
struct KindChoice: ExpressibleByArgument {
    let name: String
    let layout: String

    init?(argument: String) {
        let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else { return nil }
        name = String(parts[0])
        layout = String(parts[1])
    }
}
