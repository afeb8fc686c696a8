import FDT
import KernelABI
import SystemPackage

extension InputKind {
    static let root = InputKind(
        name: "root", summary: "a root FDT (kho-v…)",
        refusal: .file { source, _ in source.refusal(asTreeCompatibleWith: "kho-v") },
        read: { source, context throws(InputError) in
            return [try context.read(
                BlobSet(root: source.tree), rootAt: context.rootAddress, of: source, kind: "root")]
        })

    static let luoTree = InputKind(
        name: "luo-fdt", summary: "LUO's state as an FDT (luo-v1)",
        refusal: .file { source, _ in source.refusal(asTreeCompatibleWith: "luo-v") },
        read: { source, context throws(InputError) in
            guard let tree = source.tree else { return [] }
            return [try context.read(tree, named: "LUO", of: source, kind: "luo-fdt") { reader throws(Finding) in
                try reader.read(luo: tree.bytes)
            }]
        })

    static let memblock = InputKind(
        name: "memblock", summary: "the FDT of reserve_mem regions",
        refusal: .file { source, _ in source.refusal(asTreeCompatibleWith: "memblock-v") },
        read: { source, context throws(InputError) in
            guard let tree = source.tree else { return [] }
            return [try context.read(tree, named: "memblock", of: source, kind: "memblock") { reader throws(Finding) in
                guard let whole = tree.whole else { return try reader.read(memblock: tree.bytes) }
                if context.options.blobsOnly, reader.isPlain(memblock: whole) {
                    return Reading(state: .opaque("memblock", tree.bytes), extents: [], findings: [])
                }
                return try reader.read(memblock: whole)
            }]
        })

    static let tree = InputKind(
        name: "fdt", summary: "any other FDT",
        refusal: .file { source, _ in source.refusal(asTreeCompatibleWith: "") },
        read: { source, context throws(InputError) in
            guard let tree = source.tree else { return [] }
            let name = source.path.lastComponent?.string ?? source.path.string
            return [try context.read(tree, named: name, of: source, kind: "fdt") { reader throws(Finding) in
                Reading(state: .opaque(name, tree.bytes), extents: [], findings: [])
            }]
        })
}

extension InputSource {
    /// Why the input is not an FDT whose root is compatible with something that begins with `prefix`.
    ///
    /// A tree that is cut short counts, as long as what is there says so.
    fileprivate func refusal(asTreeCompatibleWith prefix: String) -> String? {
        guard let tree else { return "it does not begin with the header of an FDT" }
        if prefix.isEmpty { return nil }
        guard let found = tree.compatible else { return "the root node has no compatible" }
        if found.strings?.contains(where: { $0.hasPrefix(prefix) }) ?? false { return nil }
        return "compatible is \(KernelString(compatibleBytes: found.bytes).quoted), not \"\(prefix)…\""
    }
}

extension InputContext {
    /// Reads a blob that is an FDT; where it is cut short or broken, says so and keeps its bytes.
    fileprivate func read(
        _ tree: InputTree, named name: String, of source: InputSource, kind: String,
        _ read: (HandoverReader) throws(Finding) -> Reading
    ) throws(InputError) -> HandoverDocument {
        let blob = HandoverDocument.Blob(name: name, tree)
        guard case .damaged(let partial, let verdict) = tree.contents else {
            return try self.read(blob, of: source, kind: kind, read)
        }
        let reading = Reading(
            state: .opaque(name, tree.bytes), extents: [], findings: partial.findings(in: name, verdict: verdict))
        return HandoverDocument(reading, memory: memory?.memory ?? EmptyMemory(), blobs: [blob])
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
        let owner: Owner = name == "root FDT" ? .kho : .subtree(name)
        if missing.isEmpty {
            return [Finding(.notATree, of: owner, at: Place(name), found: verdict.description, expected: "an FDT")]
        }
        let expected =
            header.map { "a tree of \($0.totalSize) bytes (totalsize); there are \(byteCount)" } ?? "an FDT"
        return missing.map { fault in
            let place = fault.node.map { name + ($0 == "/" ? "" : $0) } ?? name
            return Finding(.notATree, of: owner, at: Place(place), found: fault.description, expected: expected)
        }
    }
}
