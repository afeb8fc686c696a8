import KernelABI
import SystemPackage

extension InputKind {
    static let debugfs = InputKind(
        name: "debugfs", summary: "a directory: debugfs's kho, a copy of it, or one that build has written",
        refusal: .directory { path in
            DebugFSDirectory(path).parts.isEmpty
                ? "neither it nor a directory in it has fdt or sub_fdts" : nil
        },
        read: { source, context throws(InputError) in
            try DebugFSDirectory(source.path).documents(context, of: source, kind: "debugfs")
        })
}

/// KHO's directory in debugfs, or a copy of it.
struct DebugFSDirectory {
    /// The directories in it that hold a handover: what came in before what will go out.
    let parts: [Part]

    /// How far down, and among how many entries of a directory, parts are looked for: copies have directories around
    /// them, and other things beside them.
    private static let depth = 3
    private static let mostEntries = 64

    init(_ path: FilePath) {
        let found = Self.parts(in: path, name: nil, depth: Self.depth)
        parts = found.filter { !$0.isOutgoing } + found.filter(\.isOutgoing)
    }

    private static func parts(in path: FilePath, name: String?, depth: Int) -> [Part] {
        let part = Part(path: path, name: name)
        if part.holdsHandover { return [part] }
        if depth == 0 { return [] }
        return Directory.entries(of: path).prefix(mostEntries).flatMap { entry in
            parts(in: path.appending(entry), name: (name.map { "\($0)/" } ?? "") + entry, depth: depth - 1)
        }
    }

    /// - Parameters:
    ///   - image: the memory that its pointers lead to.
    ///   - root: where the incoming root is in it, if that is known.
    func documents(
        _ context: InputContext, of source: InputSource, kind: String, memory image: MemoryImage? = nil,
        rootAt root: PhysicalAddress? = nil
    ) throws(InputError) -> [HandoverDocument] {
        var documents: [HandoverDocument] = []
        for part in parts {
            let isOut = part.isOutgoing && parts.count > 1
            let beside = if let image { image } else { try part.memory() }
            var document = try context.read(
                try part.blobs(), memory: beside, rootAt: isOut ? nil : root ?? context.rootAddress, of: source,
                kind: kind)
            document.part = part.name
            document.notes = part.notes
            document.scratch += part.scratch
            documents.append(document)
        }
        return documents
    }

    struct Part {
        let path: FilePath
        /// Its path in the directory; `nil` if it is that.
        let name: String?

        private var root: FilePath { path.appending("fdt") }
        private var subtrees: FilePath { path.appending("sub_fdts") }

        var holdsHandover: Bool { Directory.holds(root) || !Directory.entries(of: subtrees).isEmpty }

        /// Whether it is what will go out: `out`, `kho_out`, `kho-out`.
        var isOutgoing: Bool { path.lastComponent?.string.hasSuffix("out") ?? false }

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
            return Directory.holds(image) ? try MemoryImage(path: image, options: InputOptions()) : nil
        }

        /// The small files that say something in text.
        var notes: [HandoverDocument.Note] {
            let names = ["finalize"] + Self.bootMemory.flatMap { ["\($0)_phys", "\($0)_len"] }
            return names.compactMap { name in
                let words = words(name)
                return words.isEmpty ? nil : HandoverDocument.Note(name: name, text: words.joined(separator: " "))
            }
        }

        /// What kernels call the memory that the next one boots from.
        private static var bootMemory: [String] {
            Generation.known.map(\.bootMemory).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
        }

        /// The areas of scratch: addresses in one file, sizes in the other.
        var scratch: [Range<PhysicalAddress>] {
            Self.bootMemory.flatMap { name in
                zip(words("\(name)_phys"), words("\(name)_len")).compactMap { start, size in
                    guard let start = UInt64(hexadecimal: start), let size = UInt64(hexadecimal: size)
                    else { return nil }
                    return PhysicalAddress(start).advanced(by: size).map { PhysicalAddress(start)..<$0 }
                }
            }
        }

        private func words(_ name: String) -> [String] {
            let bytes = (try? read(path.appending(name))) ?? []
            return bytes.split { $0 <= 0x20 || $0 >= 0x7f }.map { String(decoding: $0, as: UTF8.self) }
        }

        private func read(_ path: FilePath) throws(FileError) -> [UInt8] {
            InputSource.bytes(of: try MappedFile(path: path), limit: InputSource.blobLimit)
        }
    }
}

extension UInt64 {
    /// A number as debugfs and `/proc/iomem` have it: hexadecimal, `0x` before it or not.
    init?(hexadecimal text: some StringProtocol) {
        self.init(text.hasPrefix("0x") ? text.dropFirst(2) : text[...], radix: 16)
    }
}
