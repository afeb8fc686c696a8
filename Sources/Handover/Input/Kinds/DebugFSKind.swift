import FDT
import KernelABI
import SystemPackage

extension InputKind {
    static let debugfs = InputKind(
        name: "debugfs",
        summary: "a directory: debugfs's kho, kho/in or kho/out, a copy, or one written by build",
        refusal: .directory { path in
            DebugFSDirectory(path).parts.isEmpty
                ? "neither it nor a directory in it has fdt or sub_fdts; on a live machine, "
                    + "CONFIG_KEXEC_HANDOVER_DEBUGFS (to 6.18: CONFIG_KEXEC_HANDOVER_DEBUG) and kho=on create them"
                : nil
        },
        read: { source, context throws(InputError) in
            try DebugFSDirectory(source.path).documents(context, of: source, kind: "debugfs")
        })
}

/// KHO's directory in debugfs, or a copy of it.
struct DebugFSDirectory {
    /// The directories in it that contain a handover; the incoming one comes before the outgoing one.
    let parts: [Part]

    /// How deep, and among how many entries of a directory, to look for parts: copies may be nested in other
    /// directories, and have other files beside them.
    private static let depth = 3
    private static let mostEntries = 64

    init(_ path: FilePath) {
        let found = Self.parts(in: path, name: nil, depth: Self.depth)
        parts = found.filter { $0.side != .outgoing } + found.filter { $0.side == .outgoing }
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
    ///   - image: The memory that pointers refer to.
    ///   - root: The address of the incoming root in it, if known.
    func documents(
        _ context: InputContext, of source: InputSource, kind: String, memory image: MemoryImage? = nil,
        rootAt root: PhysicalAddress? = nil
    ) throws(InputError) -> [HandoverDocument] {
        var documents: [HandoverDocument] = []
        for part in parts {
            let isOut = part.side == .outgoing && parts.count > 1
            let beside = if let image { image } else { try part.memory() }
            let blobs = try part.blobs()
            var document = try context.read(
                blobs, memory: beside, rootAt: isOut ? nil : root ?? context.rootAddress, of: source,
                kind: kind)
            document.part = part.name
            document.notes = part.notes
            document.side = part.side
            document.scratch += part.scratch
            if beside == nil {
                document.reading.explain(as: part.side, countOfCutRoot: blobs.root?.countIfCutShort)
            }
            documents.append(document)
        }
        return documents
    }

    struct Part {
        let path: FilePath
        /// Its path in the directory; `nil` for the directory itself.
        let name: String?

        private var root: FilePath { path.appending("fdt") }
        private var subtrees: FilePath { path.appending("sub_fdts") }

        private var hasRoot: Bool { Directory.holds(root) && Directory.entries(of: root).isEmpty }

        var holdsHandover: Bool { hasRoot || !Directory.entries(of: subtrees).isEmpty }

        /// Its side; `nil` if neither its name nor its files tell.
        var side: HandoverDocument.Side? { namedSide ?? (scratch.isEmpty ? nil : .outgoing) }

        /// The side according to the directory's name: `in`, `kho-in`, `kho_in`.
        private var namedSide: HandoverDocument.Side? {
            let name = path.lastComponent?.string.lowercased() ?? ""
            let words = name.split { "-_. ".contains($0) }
            guard let last = words.last, words.dropLast().allSatisfy({ $0 == "kho" }) else { return nil }
            return HandoverDocument.Side(rawValue: String(last))
        }

        /// The blobs that can be read; each of the others becomes a finding.
        func blobs() throws(InputError) -> BlobSet {
            var findings: [Finding] = []
            var failure: FileError?
            func bytes(_ path: FilePath, of owner: Owner) -> [UInt8]? {
                do throws(FileError) {
                    return try read(path)
                } catch {
                    failure = failure ?? error
                    findings.append(
                        Finding(.unreadable, of: owner, at: Place("file"), found: "\(error)", expected: "its bytes"))
                    return nil
                }
            }
            var blobs = BlobSet(root: hasRoot ? bytes(root, of: .kho).map(InputTree.init) : nil)
            for name in Directory.entries(of: subtrees) {
                guard let bytes = bytes(subtrees.appending(name), of: .subtree(name)) else { continue }
                blobs.subtrees.append((name, bytes))
            }
            if let failure, blobs.root == nil, blobs.subtrees.isEmpty { throw .file(failure) }
            blobs.findings = findings
            return blobs
        }

        /// The memory stored with the blobs in a directory written as ``OutputForm/directory``.
        func memory() throws(InputError) -> MemoryImage? {
            let image = path.appending(OutputForm.memoryName)
            return Directory.holds(image) ? try MemoryImage(path: image, options: InputOptions()) : nil
        }

        /// The small files that contain text.
        var notes: [HandoverDocument.Note] {
            let names = ["finalize"] + Self.bootMemory.flatMap { ["\($0)_phys", "\($0)_len"] }
            return names.compactMap { name in
                let words = words(name)
                return words.isEmpty ? nil : HandoverDocument.Note(name: name, text: words.joined(separator: " "))
            }
        }

        /// Kernels' names for the memory that the next kernel boots from.
        private static var bootMemory: [String] {
            Generation.known.map(\.bootMemory).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
        }

        /// The scratch areas: addresses are in one file, sizes in another.
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
            do throws(FileError) {
                return InputSource.bytes(of: try MappedFile(path: path), limit: InputSource.blobLimit)
            } catch {
                // An empty file does not hide those next to it.
                if case .isEmpty = error { return [] }
                throw error
            }
        }
    }
}

extension InputTree {
    /// The number of bytes, if the only fault is that the end of the tree is missing.
    fileprivate var countIfCutShort: Int? {
        if case .damaged(let partial, _) = contents, partial.isCutShort { partial.byteCount } else { nil }
    }
}

extension Reading {
    /// Explains what debugfs cannot show: something merely not there is unknown, not damage.
    ///
    /// - The kernel truncates the outgoing root: the size of `out/fdt` is fixed when the first subtree is registered.
    /// - Sessions, and the counts of FLBs, are written by `reboot`.
    /// - Since `luo-v5`, the receiver frees the page with LUO's state during boot.
    fileprivate mutating func explain(as side: HandoverDocument.Side?, countOfCutRoot count: Int?) {
        if let count, side != .incoming {
            findings.removeAll {
                $0.place.isInRoot && ([.notATree, .input].contains($0.cause) || $0.severity == .unknown)
            }
            findings.insert(
                Finding(
                    .leftOut, .unknown, of: .kho, at: Place(Place.rootName), found: "\(count) bytes",
                    expected:
                        "\(state.kho?.fdtSize.map(String.init) ?? "all"): the kernel fixes the size of out/fdt when "
                        + "the first subtree is registered"
                ), at: 0)
        }
        let layout = state.generation?.luo?.record
        switch side {
        case .outgoing:
            for index in findings.indices where findings[index].owner.isLUO && findings[index].severity == .unknown {
                findings[index].cause = .notYetWritten
                findings[index].expected += ", written at kexec"
            }
            if state.kho?.preservedMemoryMap?.rawValue == 0 {
                findings.append(
                    Finding(
                        .notYetWritten, .unknown, of: .map,
                        at: Place(Place.rootName, field: state.generation?.root.mapProperty), found: "0",
                        expected: "the map of preserved memory, written at kexec"))
            }
            if let layout, state.luo?.sessionsAddress?.rawValue == 0 {
                state.luo?.sessions = nil
                findings.append(
                    Finding(
                        .notYetWritten, .unknown, of: .luo(), at: Place(layout.structure).field(layout.sessions),
                        found: "0", expected: "the sessions, written at kexec"))
            }
        case .incoming, nil:
            let whether =
                side == nil
                ? "; on the receiving side, the kernel has freed it since" : "; the kernel has freed it since"
            for index in findings.indices
            where findings[index].owner.isLUO && findings[index].place.isIn(layout?.structure) {
                findings[index].severity = .unknown
                findings[index].cause = .freed
                findings[index].expected += whether
            }
        }
    }
}

extension UInt64 {
    /// Parses a number as in debugfs and `/proc/iomem`: hexadecimal, with or without `0x`.
    init?(hexadecimal text: some StringProtocol) {
        self.init(text.hasPrefix("0x") ? text.dropFirst(2) : text[...], radix: 16)
    }
}
