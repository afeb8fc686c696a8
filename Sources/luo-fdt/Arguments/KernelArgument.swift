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
        /// Whether it was built without KHO.
        var lacksKHO = false
        /// Its own types; `nil` if only its release is known.
        var types: TypeInformation?

        /// Where the members of a structure lie, in bits; `nil` if the kernel has no such structure.
        private func members(of name: String, _ pageSize: PageSize) -> [String: Range<Int>]? {
            if let types {
                return types.structure(named: name).map { structure in
                    let end = ("", structure.size * 8..<structure.size * 8)
                    return Dictionary(
                        [end] + structure.members.map { ($0.name, $0.bitOffset..<$0.bitOffset + ($0.bitSize ?? 0)) }
                    ) { $1 }
                }
            }
            let structures = generation.structures(pageSize: pageSize, machine: .x86_64)
            return structures.first { $0.name == name }.map { structure in
                let end = ("", structure.size * 8..<structure.size * 8)
                return Dictionary(
                    [end]
                        + structure.fields.map { field in
                            let start = field.offset * 8 + (field.bits?.lowerBound ?? 0)
                            return (field.name, start..<start + (field.bits?.count ?? field.size * 8))
                        }
                ) { $1 }
            }
        }

        /// The structures that both kernels have, and that the receiver lays out otherwise.
        func differences(from receiver: Target) -> [Finding] {
            let pageSize = receiver.pageSize ?? pageSize ?? .kib4
            return receiver.generation.structures(pageSize: pageSize, machine: .x86_64).compactMap { structure in
                guard let written = members(of: structure.name, pageSize),
                    let read = receiver.members(of: structure.name, pageSize), written != read
                else { return nil }
                let names = Set(written.keys).union(read.keys).filter { written[$0] != read[$0] && !$0.isEmpty }
                func size(_ members: [String: Range<Int>]) -> Int { (members[""]?.lowerBound ?? 0) / 8 }
                return Finding(
                    .size, of: .kho, at: Place(structure.name), found: "\(size(written)) bytes",
                    expected: "\(size(read)) bytes"
                        + (names.isEmpty ? "" : ", with other \(names.sorted().joined(separator: ", "))"))
            }
        }
    }

    /// Finds out what kernel it is.
    func target() throws(TypeInformationError) -> Target {
        switch self {
        case .release(let kernel):
            return Target(release: kernel.release, generation: kernel.generation ?? .latest)
        case .file(let path):
            let types = try TypeInformation(path: path.string)
            let comparison = LayoutComparison.best(with: types)
            let names = (try? KernelNames(path: path))?.names ?? []
            if comparison.hasNone {
                // Else it is what a program or a driver has of its own.
                let isKernel = types.structure(named: "task_struct") != nil
                return Target(generation: .latest, isKernel: isKernel, lacksKHO: true, types: types)
            }
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
                }, isKernel: comparison.structures.count { $0.kernelSize != nil } * 2 > comparison.structures.count,
                types: types)
        }
    }
}
