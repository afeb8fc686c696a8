import ArgumentParser
import Handover
import KernelABI
import KernelBTF
import SystemPackage

/// A kernel given as an argument: its release, or a file with its type information, such as a `vmlinux`.
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

    /// What is known about the kernel.
    struct Target {
        var release: Release?
        var generation: Generation
        var pageSize: PageSize?
        /// The structures that differ from the generation's.
        var differences: [Finding] = []
        /// Whether the file is a kernel with KHO. A module, or a kernel without KHO, lacks most of the structures.
        var isKernel = true
        /// Whether it was built without KHO.
        var lacksKHO = false
        /// The kernel's own types; `nil` if only its release is known.
        var types: TypeInformation?

        /// Lists the fields of a structure that differ.
        static func others(_ fields: [String]) -> String {
            fields.isEmpty ? "" : ", with different fields: \(fields.joined(separator: ", "))"
        }

        /// The kernel's layout of a structure; `nil` if it does not have it.
        private func layout(of name: String, _ pageSize: PageSize) -> Layout? {
            if let types {
                return types.structure(named: name).map { structure in
                    Layout(
                        structure.size,
                        structure.members.map { ($0.name, $0.bitOffset..<$0.bitOffset + ($0.bitSize ?? 0)) })
                }
            }
            return generation.structures(pageSize: pageSize, machine: .x86_64).first { $0.name == name }.map {
                Layout($0.size, $0.fields.map { ($0.name, $0.bitRange) })
            }
        }

        /// The size of a structure in bytes, and the positions of its members in bits.
        private struct Layout {
            let size: Int
            let members: [String: Range<Int>]

            init(_ size: Int, _ members: [(String, Range<Int>)]) {
                self.size = size
                self.members = Dictionary(members) { $1 }
            }

            /// Whether the structures have the same fields at the same positions, though some may be renamed.
            func isSame(as other: Layout) -> Bool {
                size == other.size && Set(members.values) == Set(other.members.values)
                    && members.allSatisfy { other.members[$0.key] ?? $0.value == $0.value }
            }
        }

        /// The structures that both kernels have but lay out differently.
        func differences(from receiver: Target) -> [Finding] {
            let pageSize = receiver.pageSize ?? pageSize ?? .kib4
            return receiver.generation.structures(pageSize: pageSize, machine: .x86_64).compactMap { structure in
                guard let written = layout(of: structure.name, pageSize),
                    let read = receiver.layout(of: structure.name, pageSize), !written.isSame(as: read)
                else { return nil }
                let names = Set(written.members.keys).union(read.members.keys)
                    .filter { written.members[$0] != read.members[$0] }.sorted()
                return Finding(
                    .size, of: .kho, at: Place(structure.name), found: "\(written.size) bytes",
                    expected: "\(read.size) bytes" + Self.others(names))
            }
        }
    }

    /// Identifies the kernel.
    func target() throws(TypeInformationError) -> Target {
        switch self {
        case .release(let kernel):
            return Target(release: kernel.release, generation: kernel.generation ?? .latest)
        case .file(let path):
            let types = try TypeInformation(path: path.string)
            let comparison = LayoutComparison.best(with: types)
            let names = (try? KernelNames(path: path))?.names ?? []
            if comparison.hasNone {
                // If it does not have it, the types are those of a program or a module.
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
                            "\(size) bytes" + Target.others(fields)
                        } ?? "no such structure")
                }, isKernel: comparison.structures.count { $0.kernelSize != nil } * 2 > comparison.structures.count,
                types: types)
        }
    }
}
