import FDT
import KernelABI

extension HandoverPlanner {
    /// Determines the subtrees, and completes the root and the small blobs.
    mutating func completeSubtrees(_ state: inout HandoverState) {
        var kho = state.kho ?? KHOState()
        kho.compatible = kho.compatible ?? KernelString(generation.root.compatible)
        let path = DocumentPath.root["kho"]
        let isGiven = kho.subtrees != nil
        var subtrees = kho.subtrees ?? []

        for kind in ContentKinds.codedSubtrees
        where state.coded[kind.name] != nil && !generation.subtrees.contains(kind.name) {
            reportUnbuildable(.root[kind.key], "kernel \(generation.name) has no \(kind.name)")
        }
        if generation.luo == nil, state.luo != nil {
            reportUnbuildable(luoPath(state), "kernel \(generation.name) has no Live Update Orchestrator")
        }
        for name in generation.subtrees {
            let kind = ContentKinds.codedSubtree(named: name)
            let isThere = kind == nil ? state.luo != nil : state.coded[name] != nil
            if isThere || (!isGiven && kind?.isAlwaysThere ?? true) { require(name, in: &subtrees) }
            guard !isThere, subtrees.contains(where: { $0.name == KernelString(name) && $0.data == nil })
            else { continue }
            if let kind { state.coded[name] = AnySubtree(content: kind.init()) } else { state.luo = LUOState() }
        }

        var names: Set<KernelString> = []
        for (index, subtree) in subtrees.enumerated() {
            let path = path["subtrees"][index]
            if !names.insert(subtree.name).inserted {
                reportUnbuildable(
                    path["name"], "\(subtree.name.quoted) is already used; kho_add_subtree() returns EEXIST")
            }
            if subtree.name.bytes.isEmpty { reportUnbuildable(path["name"], "a subtree needs a name") }
            if let data = subtree.data {
                let size = UInt64(data.count)
                if let given = subtree.size, given != size {
                    reportForceable(path["size"], "\(given), but data has \(size) bytes")
                }
                if generation.root.sizeProperty == nil, Header(data.span.bytes).map({ UInt64($0.totalSize) }) != size {
                    reportForceable(
                        path["data"],
                        "a subtree of \(generation.root.compatible) must be an FDT, which states its size")
                }
                subtrees[index].size = subtree.size ?? size
            } else if subtree.content != nil {
                completeContent(of: &subtrees[index], path)
                if let payload = subtrees[index].content as? Payload {
                    subtrees[index].size = subtree.size ?? UInt64(payload.blob.count)
                }
            } else if !generation.subtrees.contains(subtree.name.validString ?? "") {
                reportUnbuildable(path, "subtree \(subtree.name.quoted) has no content: it needs data")
            }
        }
        kho.subtrees = subtrees
        state.kho = kho
    }

    /// Reports subtree sizes that differ from the blobs described in the document.
    mutating func checkSizes(of state: HandoverState) {
        let nowhere = StoredPieces(in: PageOutline(pageSize: pageSize))
        guard let subtrees = state.kho?.subtrees, let writer = try? ImageWriter(of: state, to: nowhere) else { return }
        for (index, subtree) in subtrees.enumerated() where subtree.data == nil {
            guard let given = subtree.size, let blob = try? writer.blob(of: subtree, path: ""),
                given != UInt64(blob.bytes.count)
            else { continue }
            reportForceable(
                .root["kho"]["subtrees"][index]["size"],
                "\(given), but \(subtree.name.quoted) has \(blob.bytes.count) bytes")
        }
    }

    /// Adds a subtree implied by the rest of the document, as the last one registered.
    private func require(_ name: String, in subtrees: inout [SubtreeState]) {
        let name = KernelString(name)
        guard !subtrees.contains(where: { $0.name == name }) else { return }
        switch generation.root.construction {
        case .edited: subtrees.insert(SubtreeState(name: name), at: 0)
        case .sequential: subtrees.append(SubtreeState(name: name))
        }
    }

    /// Checks a string against the field that stores it.
    mutating func checkLength(
        of string: KernelString?, _ field: CharacterField, _ limitName: String,
        _ path: @autoclosure () -> DocumentPath
    ) {
        guard let string else { return }
        let most = string.isTerminated ? field.count - 1 : field.count
        if string.bytes.count > most {
            reportForceable(
                path(),
                "\(string.quoted) has \(string.bytes.count) bytes; \(limitName) is \(field.count), the NUL included")
        } else if !string.isTerminated {
            reportForceable(path(), "\(string.quoted) is not terminated; the kernel would read past the field")
        }
    }
}
