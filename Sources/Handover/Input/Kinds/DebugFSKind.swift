import KernelABI
import SystemPackage

extension InputKind {
    static let debugfs = InputKind(
        name: "debugfs", summary: "a directory: debugfs's kho, kho/in or kho/out, or one that build has written",
        refusal: .directory { path in
            DebugFSDirectory(path).parts.isEmpty ? "it has neither fdt nor sub_fdts, nor in or out with one of them" : nil
        },
        read: { source, context throws(InputError) in
            var documents: [HandoverDocument] = []
            for part in DebugFSDirectory(source.path).parts {
                var document = try context.read(
                    try part.blobs(), memory: try part.memory(), of: source, kind: "debugfs")
                document.part = part.name
                document.notes = part.notes
                documents.append(document)
            }
            return documents
        })
}

/// KHO's directory in debugfs, or a copy of it.
private struct DebugFSDirectory {
    /// The directories in it that hold a handover: what came in before what will go out.
    let parts: [Part]

    /// - Parameter path: `kho/in`, `kho/out`, or `kho` itself.
    init(_ path: FilePath) {
        let own = Part(path: path, name: nil)
        if own.holdsHandover {
            parts = [own]
        } else {
            parts = ["in", "out"].map { Part(path: path.appending($0), name: $0) }.filter(\.holdsHandover)
        }
    }

    struct Part {
        let path: FilePath
        let name: String?

        private var root: FilePath { path.appending("fdt") }
        private var subtrees: FilePath { path.appending("sub_fdts") }

        var holdsHandover: Bool { Directory.holds(root) || !Directory.entries(of: subtrees).isEmpty }

        func blobs() throws(InputError) -> BlobSet {
            do throws(FileError) {
                var blobs = BlobSet(root: Directory.holds(root) ? InputTree(try read(root)) : nil)
                for name in Directory.entries(of: subtrees) {
                    blobs.subtrees.append((name, try read(subtrees.appending(name))))
                }
                return blobs
            } catch {
                throw .file(error)
            }
        }

        /// The memory that is beside the blobs in a directory that ``OutputForm/directory`` has written.
        func memory() throws(InputError) -> MemoryImage? {
            let image = path.appending(OutputForm.memoryName)
            return Directory.holds(image) ? try MemoryImage(path: image) : nil
        }

        /// The small files that say something in text.
        var notes: [HandoverDocument.Note] {
            let areas = Generation.known.map(\.bootMemory)
            let names = ["finalize"] + areas.indices.filter { !areas[..<$0].contains(areas[$0]) }.flatMap {
                ["\(areas[$0])_phys", "\(areas[$0])_len"]
            }
            return names.compactMap { name in
                guard let bytes = try? read(path.appending(name)) else { return nil }
                let text = bytes.split { $0 <= 0x20 || $0 >= 0x7f }.map { String(decoding: $0, as: UTF8.self) }
                return HandoverDocument.Note(name: name, text: text.joined(separator: " "))
            }
        }

        private func read(_ path: FilePath) throws(FileError) -> [UInt8] {
            InputSource.bytes(of: try MappedFile(path: path), limit: InputSource.blobLimit)
        }
    }
}
