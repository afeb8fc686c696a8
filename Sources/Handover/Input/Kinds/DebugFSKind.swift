import FDT
import KernelABI
import SystemPackage

extension InputKind {
    static let debugfs = InputKind(
        name: "debugfs", summary: "a directory: debugfs's kho, kho/in or kho/out, a copy, or one that build has written",
        refusal: .directory { path in
            DebugFSDirectory(path).parts.isEmpty
                ? "it has neither fdt nor sub_fdts, nor in or out (kho-in, kho_out) with one of them; on a live machine, "
                    + "CONFIG_KEXEC_HANDOVER_DEBUGFS (to 6.18: CONFIG_KEXEC_HANDOVER_DEBUG) and kho=on make them"
                : nil
        },
        read: { source, context throws(InputError) in
            var documents: [HandoverDocument] = []
            for part in DebugFSDirectory(source.path).parts {
                let (blobs, memory) = (try part.blobs(), try part.memory())
                var document = try context.read(blobs, memory: memory, of: source, kind: "debugfs")
                document.part = part.name
                document.notes = part.notes
                document.side = part.side
                document.scratch = part.scratch
                if memory == nil, context.memory == nil {
                    document.reading.explain(as: part.side, countOfCutRoot: blobs.root?.countIfCutShort)
                }
                documents.append(document)
            }
            return documents
        })
}

/// KHO's directory in debugfs, or a copy of it.
private struct DebugFSDirectory {
    /// The directories in it that hold a handover: what came in before what will go out.
    let parts: [Part]

    /// How far below the directory copies of `in` and `out` are looked for.
    private static let depth = 2

    /// - Parameter path: `kho/in`, `kho/out`, `kho` itself, or a directory with copies of them.
    init(_ path: FilePath) {
        let own = Part(path: path, name: nil)
        parts = own.holdsHandover ? [own] : Self.parts(in: path, name: nil, depth: Self.depth)
    }

    private static func parts(in path: FilePath, name: String?, depth: Int) -> [Part] {
        guard depth > 0 else { return [] }
        var found: [Part] = []
        var below: [Part] = []
        for entry in Directory.entries(of: path) {
            let part = Part(path: path.appending(entry), name: name.map { "\($0)/\(entry)" } ?? entry)
            if part.side != nil, part.holdsHandover {
                found.append(part)
            } else {
                below += parts(in: part.path, name: part.name, depth: depth - 1)
            }
        }
        return found.isEmpty ? below : found
    }

    struct Part {
        let path: FilePath
        let name: String?

        private var root: FilePath { path.appending("fdt") }
        private var subtrees: FilePath { path.appending("sub_fdts") }

        var holdsHandover: Bool { Directory.holds(root) || !Directory.entries(of: subtrees).isEmpty }

        /// The side that the directory's name says it is: `in`, `kho-in`, `kho_in`.
        var side: HandoverDocument.Side? {
            let name = path.lastComponent?.string.lowercased() ?? ""
            let words = name.split { "-_. ".contains($0) }
            guard let last = words.last, words.dropLast().allSatisfy({ $0 == "kho" }) else { return nil }
            return HandoverDocument.Side(rawValue: String(last))
        }

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

        /// The names of the files with the addresses and the sizes of scratch, from 7.4 on and before.
        private static let scratchFiles = [("bootmem_phys", "bootmem_len"), ("scratch_phys", "scratch_len")]

        /// The small files that say something in text.
        var notes: [HandoverDocument.Note] {
            (["finalize"] + Self.scratchFiles.reversed().flatMap { [$0.0, $0.1] }).compactMap { name in
                let words = words(name)
                return words.isEmpty ? nil : HandoverDocument.Note(name: name, text: words.joined(separator: " "))
            }
        }

        /// The memory that the next kernel boots from.
        var scratch: [Range<PhysicalAddress>] {
            for (addresses, sizes) in Self.scratchFiles {
                let pairs = zip(words(addresses).map(Self.number), words(sizes).map(Self.number))
                let ranges = pairs.compactMap { address, size -> Range<PhysicalAddress>? in
                    guard let address, let size, let end = PhysicalAddress(address).advanced(by: size) else { return nil }
                    return PhysicalAddress(address)..<end
                }
                if !ranges.isEmpty { return ranges }
            }
            return []
        }

        private static func number(_ text: String) -> UInt64? {
            text.hasPrefix("0x") ? UInt64(text.dropFirst(2), radix: 16) : UInt64(text)
        }

        private func words(_ name: String) -> [String] {
            guard let bytes = try? read(path.appending(name)) else { return [] }
            return bytes.split { $0 <= 0x20 || $0 >= 0x7f }.map { String(decoding: $0, as: UTF8.self) }
        }

        private func read(_ path: FilePath) throws(FileError) -> [UInt8] {
            InputSource.bytes(of: try MappedFile(path: path), limit: InputSource.blobLimit)
        }
    }
}

extension InputTree {
    /// The number of bytes, if nothing is wrong with the tree but that its end is missing.
    fileprivate var countIfCutShort: Int? {
        if case .damaged(let partial, _) = contents, partial.isCutShort { partial.byteCount } else { nil }
    }
}

extension Reading {
    /// Says of what debugfs cannot show why it does not: what is merely not there is unknown, and no damage.
    ///
    /// - The outgoing root is cut short by the kernel: the size of `out/fdt` is fixed when the first subtree is
    ///   registered.
    /// - Sessions, and the counts of FLBs, are written by `reboot`.
    /// - From `luo-v5` on, the receiver frees the page of LUO's state while it boots.
    fileprivate mutating func explain(as side: HandoverDocument.Side?, countOfCutRoot count: Int?) {
        if let count, side != .incoming {
            findings.removeAll { $0.place.isInRoot && ($0.cause == .notATree || $0.severity == .unknown) }
            findings.insert(
                Finding(
                    .leftOut, .unknown, of: .kho, at: Place(Place.rootName), found: "\(count) bytes",
                    expected: "\(state.kho?.fdtSize.map(String.init) ?? "all"): the kernel fixes the size of out/fdt when the first subtree is registered"), at: 0)
        }
        let layout = LUOLayout.layout
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
            if state.luo?.sessionsAddress?.rawValue == 0 {
                state.luo?.sessions = nil
                findings.append(
                    Finding(
                        .notYetWritten, .unknown, of: .luo(), at: Place(layout.structure).field(layout.sessions),
                        found: "0", expected: "the sessions, written at kexec"))
            }
        case .incoming where state.generation?.luo?.form == .record:
            for index in findings.indices
            where findings[index].owner.isLUO && findings[index].place.isIn(layout.structure) {
                findings[index].severity = .unknown
                findings[index].cause = .freed
                findings[index].expected += ", and freed by the kernel since"
            }
        case .incoming, nil: break
        }
    }
}
