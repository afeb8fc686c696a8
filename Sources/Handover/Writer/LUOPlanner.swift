import KernelABI

extension HandoverPlanner {
    func luoPath(_ state: HandoverState) -> DocumentPath {
        for key in ["sessions", "flbs", "liveupdate_number"] where state.shortcuts.contains(key) {
            return .root[key]
        }
        return .root["luo"]
    }

    /// Fills in LUO's state: versions, counts, blocks, and the sessions' files.
    mutating func completeLUO(_ state: inout HandoverState) {
        guard var luo = state.luo, let abi = generation.luo else { return }
        // Move it out while mutating, to avoid copy-on-write.
        state.luo = nil
        let path = DocumentPath.root["luo"]
        luo.compatible = luo.compatible ?? KernelString(abi.compatible)
        luo.liveUpdateNumber = luo.liveUpdateNumber ?? 1
        switch abi.form {
        case .tree(let form):
            luo.sessionCompatible = luo.sessionCompatible ?? KernelString(form.sessions.compatible)
            luo.flbCompatible = luo.flbCompatible ?? form.flbs.map { KernelString($0.compatible) }
            if luo.further != nil { reportUnbuildable(path["further"], "\(abi.compatible) is an FDT") }
        case .record(let layout):
            checkLength(of: luo.compatible, layout.compatible, "LUO_ABI_COMPAT_LEN", path["compatible"])
            checkFurther(luo.further, of: layout, path)
            for (value, key) in [(luo.sessionCompatible, "session_compatible"), (luo.flbCompatible, "flb_compatible")] {
                if value != nil { reportUnbuildable(path[key], "\(abi.compatible) has no such version") }
            }
        }
        let sessionPath = state.shortcuts.contains("sessions") ? DocumentPath.root["sessions"] : path["sessions"]
        completeSessions(&luo, abi, sessionPath)
        completeFLBs(&luo, abi, state.shortcuts.contains("flbs") ? DocumentPath.root["flbs"] : path["flbs"])
        state.luo = luo
    }

    private mutating func completeSessions(_ luo: inout LUOState, _ abi: Generation.LUOState, _ path: DocumentPath) {
        var sessions = luo.sessions ?? []
        luo.sessions = nil
        completeBlocks(
            &luo.blocks, abi.sessions, count: sessions.count, .root["luo"]["blocks"], path,
            limitName: "LUO_SESSION_MAX")
        checkAddress(
            luo.sessionsAddress, count: max(sessions.count, luo.blocks?.count ?? 0), .root["luo"]["sessions_pa"], path)
        if case .blockChain = abi.sessions.form, sessions.isEmpty, luo.blocks?.isEmpty ?? true {
            luo.sessionsAddress = luo.sessionsAddress ?? PhysicalAddress(0)
        }
        var names: [KernelString: DocumentPath] = [:]
        for index in sessions.indices {
            let path = path[index]
            let name = sessions[index].name
            if name.bytes.isEmpty {
                reportForceable(path["name"], "an empty name; luo_session_create() returns EINVAL")
            }
            checkLength(of: name, abi.sessions.record.name, "LIVEUPDATE_SESSION_NAME_LENGTH", path["name"])
            checkFurther(sessions[index].further, of: abi.sessions.record, path)
            if let first = names[name] {
                reportForceable(
                    path["name"],
                    "\(name.quoted) is already used by \(first.text); luo_session_insert() returns EEXIST")
            } else {
                names[name] = path
            }
            completeFiles(&sessions[index], abi, path)
        }
        luo.sessions = sessions
    }

    private mutating func completeFiles(_ session: inout SessionState, _ abi: Generation.LUOState, _ path: DocumentPath)
    {
        session.addMapping(by: &self, path)
        var files = session.files ?? []
        session.files = nil
        completeBlocks(
            &session.blocks, abi.files, count: files.count, path["blocks"], path["files"], limitName: "LUO_FILE_MAX")
        checkAddress(
            session.filesAddress, count: max(files.count, session.blocks?.count ?? 0), path["files_pa"], path["files"])
        if files.isEmpty, session.blocks?.isEmpty ?? true {
            session.filesAddress = session.filesAddress ?? PhysicalAddress(0)
        }
        if let count = session.count, count != UInt64(files.count) {
            reportForceable(path["count"], "\(count), but there are \(files.count) files")
        }
        session.count = session.count ?? UInt64(files.count)
        var tokens: Set<UInt64> = []
        let tokensMayRepeat = mayRepeat(files.lazy.map(\.token))
        let filesPath = path["files"]
        for index in files.indices {
            if tokensMayRepeat, !tokens.insert(files[index].token).inserted {
                reportForceable(
                    filesPath[index]["token"],
                    "\(files[index].token.prefixedHex) is already used in this session; "
                        + "luo_preserve_file() returns EEXIST"
                )
            }
            complete(&files[index], abi.files.record, filesPath[index])
        }
        session.files = files
    }

    private mutating func complete(
        _ file: inout FileState, _ layout: FileLayout, _ path: @autoclosure () -> DocumentPath
    ) {
        if file.hasContent {
            completeContent(of: &file, path())
        } else {
            if file.compatible == nil {
                reportUnbuildable(path(), "a file needs a content, or its handler's compatible and data")
            }
            file.data = file.data ?? 0
        }
        checkLength(
            of: file.compatible, layout.compatible, "LIVEUPDATE_HNDL_COMPAT_LENGTH", path()["compatible"])
        checkFurther(file.further, of: layout, path())
    }

    /// Completes the content of a file, an FLB or a subtree; content given as text is parsed by its kind.
    mutating func completeContent<Owner: ContentOwner>(of owner: inout Owner, _ path: DocumentPath) {
        guard var content = owner.content else { return }
        owner.content = nil
        if let unresolved = content as? UnresolvedPayload {
            do throws(DocumentReadError) {
                content = try unresolved.resolved(
                    named: owner.contentName, at: Owner.contentPlace, generation, options.kinds)
            } catch {
                guard case .document(let error) = error else { return reportUnbuildable(path["payload"], "\(error)") }
                let inner = error.path == "." ? "" : error.path
                return reportUnbuildable(.text(path["payload"].text + inner), error.problem)
            }
        }
        var name = owner.contentName
        content.complete(name: &name, by: &self, path)
        owner.content = content
        owner.contentName = name
    }

    private mutating func completeFLBs(_ luo: inout LUOState, _ abi: Generation.LUOState, _ path: DocumentPath) {
        guard let container = abi.flbs else {
            if luo.flbs != nil || luo.flbAddress != nil || luo.flbPageCount != nil || luo.flbCompatible != nil {
                reportUnbuildable(path, "kernel \(generation.name) has no file-lifecycle-bound objects")
            }
            return
        }
        var flbs = luo.flbs ?? []
        for index in flbs.indices { completeContent(of: &flbs[index], path[index]) }
        let limit = container.limit(pageSize: pageSize)
        if flbs.count > limit { reportUnbuildable(path, "\(flbs.count) objects; LUO_FLB_MAX is \(limit)") }
        checkAddress(luo.flbAddress, count: flbs.count, .root["luo"]["flb_pa"], path)
        var names: [KernelString: DocumentPath] = [:]
        for (index, flb) in flbs.enumerated() {
            let path = path[index]
            checkLength(of: flb.name, container.record.name, "LIVEUPDATE_FLB_COMPAT_LENGTH", path["name"])
            checkFurther(flb.further, of: container.record, path)
            if flb.name.bytes.isEmpty { reportForceable(path["name"], "an empty name") }
            if let first = names[flb.name] {
                reportForceable(
                    path["name"],
                    "\(flb.name.quoted) is already used by \(first.text); liveupdate_register_flb() returns EEXIST")
            } else {
                names[flb.name] = path
            }
            if flb.count == 0 {
                reportForceable(path["count"], "0; luo_flb_serialize() omits objects without files")
            }
        }
        let pages = UInt64(container.pagesPerAllocation)
        if let given = luo.flbPageCount, given != pages {
            reportForceable(.root["luo"]["flb_pgcnt"], "\(given), but there are \(pages)")
        }
        luo.flbPageCount = luo.flbPageCount ?? pages
        luo.flbs = flbs
    }

    /// Reports records although their address is 0.
    private mutating func checkAddress(
        _ address: PhysicalAddress?, count: Int, _ path: @autoclosure () -> DocumentPath,
        _ recordPath: @autoclosure () -> DocumentPath
    ) {
        guard address?.rawValue == 0, count > 0 else { return }
        reportUnbuildable(
            path(), "0x0 means that there is nothing, but \(recordPath().text) is given; remove one of them")
    }

    /// Creates the blocks for `count` records, or checks those that are given.
    private mutating func completeBlocks(
        _ blocks: inout [BlockState]?, _ container: RecordContainer<some KernelStructure>, count: Int,
        _ path: DocumentPath,
        _ recordPath: DocumentPath, limitName: String
    ) {
        let capacity = container.capacity(pageSize: pageSize)
        switch container.form {
        case .array:
            if blocks != nil { reportUnbuildable(path, "these records are in an array, not in blocks") }
            if count > capacity { reportUnbuildable(recordPath, "\(count); \(limitName) is \(capacity)") }
        case .blockChain(let limit):
            let isGiven = blocks?.contains { $0.count != nil } ?? false
            let rest = completeBlocks(
                &blocks, count: count, holding: 1...UInt64(capacity), limit: limit, path, recordPath)
            if rest != 0 {
                reportUnbuildable(
                    isGiven ? path : recordPath,
                    "the blocks hold \(count - rest) records, but there are \(count); "
                        + "omit blocks to generate them")
            }
        }
    }

    /// Makes the blocks that `count` records need, or holds those that are given against it.
    ///
    /// - Parameter range: how many records a block can have.
    /// - Returns: how many records they do not hold.
    mutating func completeBlocks(
        _ blocks: inout [BlockState]?, count: Int, holding range: ClosedRange<UInt64>, limit: Int, _ path: DocumentPath,
        _ recordPath: DocumentPath
    ) -> Int {
        let capacity = Int(range.upperBound)
        let needed = (count + capacity - 1) / capacity
        var list = blocks ?? [BlockState](repeating: BlockState(address: nil, count: nil), count: needed)
        if list.count > limit {
            reportForceable(
                recordPath,
                "\(count) need \(list.count) blocks; KHO_MAX_BLOCKS is \(limit), so the limit is \(limit * capacity)")
        }
        var rest = count
        for index in list.indices {
            let stated = list[index].count ?? UInt64(min(rest, capacity))
            if !range.contains(stated) {
                reportForceable(
                    path[index]["count"],
                    "\(stated); a block holds \(range.lowerBound) to \(range.upperBound) records")
            }
            list[index].count = stated
            rest -= Int(min(stated, range.upperBound))
        }
        blocks = list.isEmpty ? nil : list
        return rest
    }
}
