import FDT
import KernelABI
import SystemPackage

extension InputKind {
    static let root = InputKind(
        name: "root", summary: "a root FDT (kho-v…)",
        refusal: .file { source, _ in source.refusal(asTreeCompatibleWith: "kho-v") },
        read: { source, context throws(InputError) in
            let blobs = BlobSet(root: source.treeBytes)
            return [try context.read(blobs, of: source, kind: "root")]
        })

    static let luoTree = InputKind(
        name: "luo-fdt", summary: "LUO's state as an FDT (luo-v1)",
        refusal: .file { source, _ in source.refusal(asTreeCompatibleWith: "luo-v") },
        read: { source, context throws(InputError) in
            let bytes = source.treeBytes ?? []
            return [try context.read(tree: "LUO", bytes, of: source, kind: "luo-fdt") { reader throws(Finding) in
                try reader.read(luo: bytes)
            }]
        })

    static let memblock = InputKind(
        name: "memblock", summary: "the FDT of reserve_mem regions",
        refusal: .file { source, _ in source.refusal(asTreeCompatibleWith: "memblock-v") },
        read: { source, context throws(InputError) in
            let bytes = source.treeBytes ?? []
            return [try context.read(tree: "memblock", bytes, of: source, kind: "memblock") { reader throws(Finding) in
                try reader.read(memblock: bytes)
            }]
        })

    static let tree = InputKind(
        name: "fdt", summary: "any other FDT",
        refusal: .file { source, _ in source.refusal(asTreeCompatibleWith: "") },
        read: { source, context throws(InputError) in
            let bytes = source.treeBytes ?? []
            let name = source.path.lastComponent?.string ?? source.path.string
            return [try context.read(tree: name, bytes, of: source, kind: "fdt") { reader throws(Finding) in
                Reading(state: .opaque(name, bytes), extents: [], findings: [])
            }]
        })
}

extension InputSource {
    /// Why the input is not an FDT whose root is compatible with something that begins with `prefix`.
    ///
    /// A tree that is cut short counts, as long as what is there says so.
    fileprivate func refusal(asTreeCompatibleWith prefix: String) -> String? {
        guard let bytes = treeBytes else { return "it does not begin with the header of an FDT" }
        if prefix.isEmpty { return nil }
        let found = PartialRoot(PartialTree(bytes), subtrees: []).compatible
        guard let found else { return "the root node has no compatible" }
        if found.strings?.contains(where: { $0.hasPrefix(prefix) }) ?? false { return nil }
        return "compatible is \(KernelString(compatibleBytes: found.bytes).quoted), not \"\(prefix)…\""
    }
}

extension InputContext {
    /// Reads a blob that is an FDT; where it is cut short or broken, says so and keeps its bytes.
    fileprivate func read(
        tree name: String, _ bytes: [UInt8], of source: InputSource, kind: String,
        _ read: (HandoverReader) throws(Finding) -> Reading
    ) throws(InputError) -> HandoverDocument {
        do throws(FDTError) {
            _ = try FlattenedTree(bytes)
        } catch {
            let reading = Reading(
                state: .opaque(name, bytes), extents: [],
                findings: PartialTree(bytes).findings(in: name, verdict: error))
            return HandoverDocument(
                reading, memory: memory?.memory ?? EmptyMemory(),
                blobs: [HandoverDocument.Blob(name: name, bytes: bytes)])
        }
        return try self.read(name, bytes, of: source, kind: kind, read)
    }
}

extension HandoverState {
    /// A blob of which nothing is known but its name.
    fileprivate static func opaque(_ name: String, _ bytes: [UInt8]) -> HandoverState {
        var subtree = SubtreeState(name: KernelString(name))
        subtree.size = UInt64(bytes.count)
        subtree.data = bytes
        var kho = KHOState()
        kho.subtrees = [subtree]
        var state = HandoverState()
        state.kho = kho
        return state
    }
}

extension PartialTree {
    /// What is missing or wrong, for a tree that goes by `name`; libfdt's verdict where nothing else is.
    func findings(in name: String, verdict: FDTError) -> [Finding] {
        if missing.isEmpty { return [Finding(structure: name, found: verdict.description, expected: "an FDT")] }
        let expected =
            header.map { "a tree of \($0.totalSize) bytes (totalsize); there are \(byteCount)" } ?? "an FDT"
        return missing.map { fault in
            let place = fault.node.map { name + ($0 == "/" ? "" : $0) } ?? name
            return Finding(structure: place, found: fault.description, expected: expected)
        }
    }
}
