import FDT
import KernelABI
import SystemPackage

extension InputKind {
    static let root = InputKind(
        name: "root", summary: "a root FDT (kho-v…)",
        refusal: .file { source, _ in source.refusal(asTreeCompatibleWith: "kho-v") },
        read: { source, context throws(InputError) in
            var document = try context.read(
                BlobSet(root: source.tree), rootAt: context.rootAddress, of: source, kind: "root")
            document.notes += source.afterTree
            return [document]
        })

    static let luoTree = tree(
        "luo-fdt", "LUO's state as an FDT (luo-v1)", compatible: LUOLayout.compatiblePrefix, subtree: "LUO")

    /// A subtree's standalone FDT.
    ///
    /// - Parameter prefix: The prefix of the root's `compatible`.
    static func tree(_ name: String, _ summary: String, compatible prefix: String, subtree: String) -> InputKind {
        InputKind(
            name: name, summary: summary,
            refusal: .file { source, _ in source.refusal(asTreeCompatibleWith: prefix) },
            read: { source, context throws(InputError) in
                guard let tree = source.tree else { return [] }
                return [
                    try context.read(tree, named: subtree, of: source, kind: name) { reader throws(Finding) in
                        try reader.read(subtree: subtree, tree.bytes)
                    }
                ]
            })
    }

    static let tree = InputKind(
        name: "fdt", summary: "any other FDT",
        refusal: .file { source, _ in source.refusal(asTreeCompatibleWith: "") },
        read: { source, context throws(InputError) in
            guard let tree = source.tree else { return [] }
            // Not the file's name, so that two files with the same tree are equal.
            let name = "fdt"
            return [
                try context.read(tree, named: name, of: source, kind: "fdt") { reader throws(Finding) in
                    Reading(state: .opaque(name, tree.bytes), extents: [], findings: [])
                }
            ]
        })
}

extension InputSource {
    /// The reason why the input is not an FDT at all.
    private var noTree: String {
        let start = prefix(Header.size)
        guard start.starts(with: withUnsafeBytes(of: Header.magic.bigEndian) { Array($0) }) else {
            return "it does not begin with the magic number of an FDT"
        }
        return "it begins like an FDT, but has only \(start.count) bytes; the header has \(Header.size)"
    }

    /// The bytes after the tree in the file.
    fileprivate var afterTree: [HandoverDocument.Note] {
        guard let tree, let file, let header = Header(tree.bytes.span.bytes), file.count > UInt64(header.totalSize)
        else { return [] }
        let count = file.count - UInt64(header.totalSize)
        var start: [UInt8] = []
        try? file.withBytes(at: UInt64(header.totalSize), count: Int(min(count, UInt64(Header.size)))) {
            start.append(copying: $0)
        }
        let isTree = Header(start.span.bytes)?.magic == Header.magic
        return [
            HandoverDocument.Note(
                name: HandoverDocument.Note.afterTree,
                text: (count == 1 ? "1 byte" : "\(count) bytes") + " that are not shown"
                    + (isTree ? ": another FDT begins there" : ""))
        ]
    }

    /// The reason why the input is not an FDT whose root has a `compatible` that begins with `prefix`.
    ///
    /// Accepts a truncated tree, provided that the `compatible` is present.
    func refusal(asTreeCompatibleWith prefix: String) -> String? {
        guard let tree else { return noTree }
        if prefix.isEmpty { return nil }
        guard let found = tree.compatible else { return "the root node has no compatible" }
        if found.strings?.contains(where: { $0.hasPrefix(prefix) }) ?? false { return nil }
        return "compatible is \(KernelString(compatibleBytes: found.bytes).quoted), not \"\(prefix)…\""
    }
}

extension InputContext {
    /// Reads a blob that is an FDT; if it is truncated or broken, reports that and keeps its bytes.
    fileprivate func read(
        _ tree: InputTree, named name: String, of source: InputSource, kind: String,
        _ read: (HandoverReader) throws(Finding) -> Reading
    ) throws(InputError) -> HandoverDocument {
        let blob = HandoverDocument.Blob(name: name, tree)
        guard case .damaged(let partial, let verdict) = tree.contents else {
            var document = try self.read(blob, of: source, kind: kind, read)
            document.notes += source.afterTree
            if let name = tree.whole?.repeatedProperty {
                document.reading.findings.append(
                    Finding(
                        .duplicate, of: .input, at: Place("FDT"),
                        found: "a node with duplicate property \(ImageText(name).quoted)", expected: "no duplicates"))
            }
            return document
        }
        let reading = Reading(
            state: .opaque(name, tree.bytes), extents: [], findings: partial.findings(in: "FDT", verdict: verdict))
        var document = HandoverDocument(reading, memory: memory?.memory ?? EmptyMemory(), blobs: [blob])
        document.notes = source.afterTree
        return document
    }
}

extension HandoverState {
    /// A blob of which only the name is known.
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
    /// What is missing or wrong in a tree named `name`; libfdt's verdict if nothing is.
    func findings(in name: String, verdict: FDTError) -> [Finding] {
        let owner: Owner = name == "root FDT" ? .kho : .input
        if missing.isEmpty {
            return [Finding(.notATree, of: owner, at: Place(name), found: verdict.description, expected: "an FDT")]
        }
        return missing.map { fault in
            let place = fault.node.map { $0 == "/" ? "" : ImageText($0).bare } ?? ""
            // What is merely missing is a matter of size; other faults are not.
            let expected =
                fault.range.upperBound > byteCount && fault.part != .header
                ? header.map { "a tree of \($0.totalSize) bytes (totalsize), of which \(byteCount) are present" } : nil
            return Finding(
                .notATree, of: owner, at: Place(name + place), found: fault.description,
                expected: expected ?? "a \(fault.part.rawValue) that libfdt accepts")
        }
    }
}
