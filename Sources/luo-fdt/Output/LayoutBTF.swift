import ArgumentParser
import Handover
import KernelABI
import KernelBTF
import SystemPackage

/// Compares a kernel's own types with the catalogue.
struct LayoutBTF {
    let path: FilePath
    let comparison: LayoutComparison

    /// - Parameters:
    ///   - generation: The generation to compare with; `nil` for the best match.
    ///   - pageSize: The kernel's page size; `nil` for the best match.
    init(path: FilePath, generation: Generation?, pageSize: PageSize?) throws(TypeInformationError) {
        self.path = path
        comparison = LayoutComparison.best(
            of: generation.map { [$0] } ?? Generation.known, pageSizes: pageSize.map { [$0] } ?? PageSize.allCases,
            with: try TypeInformation(path: path.string))
    }

    private var verdict: String {
        if comparison.hasNone { return "has no KHO: it has none of the structures" }
        let releases = comparison.generation.releaseText
        return "\(comparison.machine.rawValue), pages of \(comparison.pageSize.bytes) bytes, "
            + (comparison.isMatch
                ? "matches \(releases)"
                : "differs from \(releases) in \(comparison.differences) of \(comparison.structures.count) structures")
    }

    var text: String {
        var text = "\(path): \(verdict)\n"
        if comparison.hasNone { return text }
        for structure in comparison.structures {
            guard let size = structure.kernelSize else {
                text += "\(structure.name): gone\n"
                continue
            }
            guard !structure.isSame else {
                text += "\(structure.name): same, \(size) bytes\n"
                continue
            }
            text +=
                "\(structure.name): "
                + (size == structure.size ? "\(size) bytes" : "\(structure.size) -> \(size) bytes") + "\n"
            for field in structure.fields where field.change != .same {
                text += "    \(field.name): \(field.change.text)\n"
            }
        }
        return text
    }

    /// Source for a generation that begins with `release`: what the kernel shares with the best match, and what
    /// differs.
    func skeleton(for release: Release) -> String {
        func symbol(_ name: String) -> String { "v" + name.replacing(".", with: "_") }
        let known = comparison.generation
        let base = symbol(known.name)
        let names = (try? KernelNames(path: path))?.names ?? []
        let named = known.named(by: names)
        let arguments = [release.major, release.minor, release.patch].compactMap { $0 }.map(String.init)
        var text = """
            extension Generation {
                /// \(release): what is new in it, in a sentence.
                public static let \(symbol(release.description)) = Generation(
                    name: "\(release)",
                    releases: [Release(\(arguments.joined(separator: ", ")))],
                    root: \(base).root,
                    preservedMap: \(base).preservedMap,
                    luo: \(base).luo,
                    fileHandlers: \(base).fileHandlers,
                    kexecMetadata: \(base).kexecMetadata,
                    bootMemory: \(base).bootMemory)
            }

            // Names in the file: \(names.isEmpty ? "none found" : names.sorted().joined(separator: ", "))

            """
        let versions = [(known.root.compatible, named.root.compatible), (known.luo?.compatible, named.luo?.compatible)]
        for case let (old?, new?) in versions where old != new { text += "// \(old) has become \(new)\n" }
        for structure in comparison.structures where !structure.isSame {
            text += "// struct \(structure.name) differs: see layout --btf\n"
        }
        if comparison.isMatch { text += "// All structures are those of \(known.releaseText)\n" }
        return text
    }

    func writeJSON(to output: OutputStream) {
        output.writeJSON { writer in
            writer.object { writer in
                writer.member("btf", path.string)
                writer.member("generation", comparison.generation.name)
                writer.member("machine", comparison.machine.rawValue)
                writer.member("page_size", comparison.pageSize.bytes)
                writer.member("matches", comparison.isMatch)
                writer.member("structures", objects: comparison.structures) { writer, structure in
                    writer.member("name", structure.name)
                    writer.member("size", structure.size)
                    writer.member("kernel_size", structure.kernelSize)
                    writer.member("fields", objects: structure.fields, compact: true) { writer, field in
                        writer.member("name", field.name)
                        writer.member("change", field.change.text)
                    }
                }
            }
        }
    }
}

extension LayoutComparison.Change {
    fileprivate var text: String {
        switch self {
        case .same: "same"
        case .moved(let from, let to): "moved from \(Self.bytes(from)) to \(Self.bytes(to))"
        case .resized(let from, let to): "resized from \(Self.bytes(from)) to \(Self.bytes(to)) bytes"
        case .added: "added"
        case .gone: "gone"
        }
    }

    /// Formats a number of bits as bytes and remaining bits.
    private static func bytes(_ bits: Int) -> String {
        bits % 8 == 0 ? "\(bits / 8)" : "\(bits / 8).\(bits % 8)"
    }
}
