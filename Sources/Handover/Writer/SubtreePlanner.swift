import FDT
import KernelABI

extension HandoverPlanner {
    /// Decides which subtrees there are, and fills in the root's and the small blobs' values.
    mutating func completeSubtrees(_ state: inout HandoverState) {
        var kho = state.kho ?? KHOState()
        kho.compatible = kho.compatible ?? KernelString(generation.root.compatible)
        let path = DocumentPath.root["kho"]
        let isGiven = kho.subtrees != nil
        var subtrees = kho.subtrees ?? []

        if let metadata = generation.kexecMetadata {
            if state.kexecMetadata != nil || !isGiven { require(metadata.subtree, in: &subtrees) }
            if subtrees.contains(where: { $0.name == KernelString(metadata.subtree) && $0.data == nil }) {
                var blob = state.kexecMetadata ?? KexecMetadataState()
                blob.previousRelease = blob.previousRelease ?? state.kernel.map { KernelString($0) }
                blob.kexecCount = blob.kexecCount ?? UInt32(clamping: state.luo?.liveUpdateNumber ?? 1)
                state.kexecMetadata = blob
            }
        } else if state.kexecMetadata != nil {
            reportUnbuildable(.root["kexec_metadata"], "kernel \(generation.name) has no kexec-metadata")
        }
        if let luo = generation.luo {
            if state.luo != nil || !isGiven { require(luo.subtree, in: &subtrees) }
            if subtrees.contains(where: { $0.name == KernelString(luo.subtree) && $0.data == nil }) {
                state.luo = state.luo ?? LUOState()
            }
        } else if state.luo != nil {
            reportUnbuildable(luoPath(state), "kernel \(generation.name) has no Live Update Orchestrator")
        }
        if state.memblock != nil { require(generation.memblock.subtree, in: &subtrees) }
        if subtrees.contains(where: { $0.name == KernelString(generation.memblock.subtree) && $0.data == nil }) {
            state.memblock = state.memblock ?? MemblockState()
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
                        "a subtree of \(generation.root.compatible) has to be an FDT, which states its size")
                }
                subtrees[index].size = subtree.size ?? size
            } else if subtree.content != nil {
                completeContent(of: &subtrees[index], path)
                if let payload = subtrees[index].content as? Payload {
                    subtrees[index].size = subtree.size ?? UInt64(payload.blob.count)
                }
            } else if !generation.subtrees.contains(subtree.name.validString ?? "") {
                reportUnbuildable(path, "nothing says what subtree \(subtree.name.quoted) holds: it needs data")
            }
        }
        check(state.kexecMetadata)
        kho.subtrees = subtrees
        state.kho = kho
    }

    /// Reports sizes of subtrees that are not those of the blobs that the document's parts give.
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

    /// Adds a subtree that the rest of the document implies, as the one registered last.
    private func require(_ name: String, in subtrees: inout [SubtreeState]) {
        let name = KernelString(name)
        guard !subtrees.contains(where: { $0.name == name }) else { return }
        switch generation.root.construction {
        case .edited: subtrees.insert(SubtreeState(name: name), at: 0)
        case .sequential: subtrees.append(SubtreeState(name: name))
        }
    }

    private mutating func check(_ metadata: KexecMetadataState?) {
        guard let metadata else { return }
        let path = DocumentPath.root["kexec_metadata"]
        checkLength(
            of: metadata.previousRelease, KexecMetadataLayout.layout.previousRelease, "__NEW_UTS_LEN + 1",
            path["previous_release"])
        if metadata.version != KexecMetadataLayout.currentVersion {
            reportForceable(
                path["version"],
                "\(metadata.version); KHO_KEXEC_METADATA_VERSION is \(KexecMetadataLayout.currentVersion)")
        }
    }

    /// Fills in the `reserve_mem` regions.
    mutating func completeMemblock(_ state: inout HandoverState) {
        guard var memblock = state.memblock else { return }
        let abi = generation.memblock
        memblock.compatible = memblock.compatible ?? KernelString(abi.compatible)
        var regions = memblock.regions ?? []
        let path =
            state.shortcuts.contains("reserve_mem") ? DocumentPath.root["reserve_mem"] : .root["memblock"]["regions"]
        if regions.count > abi.regionLimit {
            reportForceable(path, "\(regions.count) regions; RESERVE_MEM_MAX_ENTRIES is \(abi.regionLimit)")
        }
        var names: Set<KernelString> = []
        for index in regions.indices {
            let name = regions[index].name
            regions[index].compatible = regions[index].compatible ?? KernelString(abi.regionCompatible)
            if name.bytes.isEmpty { reportUnbuildable(path[index]["name"], "a region needs a name") }
            if !names.insert(name).inserted { reportUnbuildable(path[index]["name"], "\(name.quoted) is already used") }
            if name.bytes.count >= abi.nameSize {
                reportForceable(
                    path[index]["name"],
                    "\(name.quoted) has \(name.bytes.count) bytes; RESERVE_MEM_NAME_SIZE is \(abi.nameSize), "
                        + "the NUL included")
            }
            if regions[index].size == 0 { reportForceable(path[index]["size"], "a region of 0 bytes") }
        }
        memblock.regions = regions
        state.memblock = memblock
    }

    /// Holds a string against the field that it goes into.
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
