import ArgumentParser
import Handover
import KernelABI
import KernelBTF
import SystemPackage

/// Shows how a kernel's own types compare with the catalogue.
struct LayoutBTF {
    let path: FilePath
    let comparison: LayoutComparison

    /// - Parameters:
    ///   - generation: the one to compare with; `nil` for the one that fits best.
    ///   - pageSize: the kernel's; `nil` for the one that fits best.
    init(path: FilePath, generation: Generation?, pageSize: PageSize?) throws(TypeInformationError) {
        self.path = path
        comparison = LayoutComparison.best(
            of: generation.map { [$0] } ?? Generation.known, pageSizes: pageSize.map { [$0] } ?? PageSize.allCases,
            with: try TypeInformation(path: path.string))
    }

    private var verdict: String {
        if comparison.hasNone { return "has no KHO: none of the structures is there" }
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

    /// The file of a generation that begins with `release`: what the kernel shares with the one that fits best, and
    /// what of it is different.
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

            // Names in the file: \(names.isEmpty ? "none were found" : names.sorted().joined(separator: ", "))

            """
        let versions = [(known.root.compatible, named.root.compatible), (known.luo?.compatible, named.luo?.compatible)]
        for case let (old?, new?) in versions where old != new { text += "// \(old) has become \(new)\n" }
        for structure in comparison.structures where !structure.isSame {
            text += "// struct \(structure.name) differs: see layout --btf\n"
        }
        if comparison.isMatch { text += "// All structures are those of \(known.releaseText)\n" }
        return text
    }

    func writeJSON(_ flush: @escaping (borrowing [UInt8]) -> Void) {
        var writer = DocumentWriter(flush)
        writer.object { writer in
            writer.key("btf")
            writer.string(path.string)
            writer.key("generation")
            writer.string(comparison.generation.name)
            writer.key("machine")
            writer.string(comparison.machine.rawValue)
            writer.key("page_size")
            writer.number(UInt64(comparison.pageSize.bytes))
            writer.key("matches")
            writer.boolean(comparison.isMatch)
            writer.key("structures")
            writer.array { writer in
                for structure in comparison.structures {
                    writer.element()
                    writer.object { writer in
                        writer.key("name")
                        writer.string(structure.name)
                        writer.key("size")
                        writer.number(UInt64(structure.size))
                        if let size = structure.kernelSize {
                            writer.key("kernel_size")
                            writer.number(UInt64(size))
                        }
                        writer.key("fields")
                        writer.array { writer in
                            for field in structure.fields {
                                writer.element()
                                writer.object(compact: true) { writer in
                                    writer.key("name")
                                    writer.string(field.name)
                                    writer.key("change")
                                    writer.string(field.change.text)
                                }
                            }
                        }
                    }
                }
            }
        }
        writer.finish()
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

    /// A number of bits in bytes, with the bits that are left.
    private static func bytes(_ bits: Int) -> String {
        bits % 8 == 0 ? "\(bits / 8)" : "\(bits / 8).\(bits % 8)"
    }
}
