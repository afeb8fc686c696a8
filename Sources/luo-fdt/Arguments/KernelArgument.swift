import ArgumentParser
import Handover
import KernelABI
import KernelBTF
import SystemPackage

/// A kernel as an argument: its release, or a file with its type information, such as a `vmlinux`.
enum KernelArgument: ExpressibleByArgument {
    case release(KernelRelease)
    case file(FilePath)

    init?(argument: String) {
        if let release = KernelRelease(argument: argument) {
            self = .release(release)
        } else if argument.contains("/") || argument.hasPrefix("vmlinux") {
            self = .file(FilePath(argument))
        } else {
            return nil
        }
    }

    func requireKnown() throws(ExitCode) {
        if case .release(let release) = self { try release.requireKnown() }
    }

    static var allValueStrings: [String] { KernelRelease.allValueStrings }

    /// What is known of the kernel.
    struct Target {
        var release: Release?
        var generation: Generation
        var pageSize: PageSize?
        /// The structures that it has otherwise than the generation.
        var differences: [Finding] = []
        /// Whether it has most of them: a module's types, or a kernel without KHO, do not.
        var isKernel = true
    }

    /// Finds out what kernel it is.
    func target() throws(TypeInformationError) -> Target {
        switch self {
        case .release(let kernel):
            return Target(release: kernel.release, generation: kernel.generation ?? .latest)
        case .file(let path):
            let comparison = LayoutComparison.best(with: try TypeInformation(path: path.string))
            let names = (try? KernelNames(path: path))?.names ?? []
            return Target(
                generation: comparison.generation.named(by: names), pageSize: comparison.pageSize,
                differences: comparison.structures.filter { !$0.isSame }.map { structure in
                    let fields = structure.fields.filter { $0.change != .same }.map(\.name)
                    return Finding(
                        .size, of: .kho, at: Place(structure.name),
                        found: "\(structure.size) bytes in \(comparison.generation.releaseText)",
                        expected: structure.kernelSize.map { size in
                            "\(size) bytes" + (fields.isEmpty ? "" : ", with other \(fields.joined(separator: ", "))")
                        } ?? "no such structure")
                }, isKernel: comparison.structures.count { $0.kernelSize != nil } * 2 > comparison.structures.count)
        }
    }
}
