import FDT
import KernelABI

/// A search of memory for what was handed over to a kernel but is no longer referenced.
///
/// A kernel frees `luo_ser` and the map of preserved memory once it has read them. What has not been retrieved by then
/// is still in place, but only a search finds it: pages that look like a block of sessions or files, a page of FLBs or
/// a file's descriptor are read as such, and ranked by how well what they refer to fits.
///
/// The results belong to *a* handover: the pages do not tell which one, nor whether they have been retrieved since.
struct LostSessions {
    /// The sessions and FLBs that were found. Files without a session are in one whose name gives their address.
    let reading: Reading
    /// The address of each session, and how well its parts fit.
    let notes: [HandoverDocument.Note]

    /// The maximum number of pages of one kind to examine.
    private static let limit = 4096

    /// - Parameters:
    ///   - known: The pieces of the handover that is already read; they are not found again.
    ///   - progress: Called regularly with the number of bytes searched so far, and in total.
    init(
        in memory: any PhysicalMemory, pageSize: PageSize, generation: Generation, known: [Extent],
        progress: (UInt64, UInt64) -> Void
    ) {
        var state = HandoverState()
        state.generation = generation
        state.pageSize = pageSize
        state.machine = memory.statedMachine
        var found = Reading(state: state, extents: [], findings: [])
        var notes: [HandoverDocument.Note] = []
        guard let abi = generation.luo, let patterns = PagePatterns(generation, pageSize) else {
            reading = found
            self.notes = notes
            return
        }
        var seen = Set(known.map(\.address))
        let scan = PageScan(of: memory, pageSize: pageSize.bytes, limit: Self.limit, progress: progress) { page, _ in
            patterns.kind(of: page) != nil
        }
        var pages: [PagePatterns.Kind: [PhysicalAddress]] = [:]
        // Valid records are read even if their count is damaged.
        var mended = SparseMemory(pageSize: pageSize.bytes)
        for address in scan.hits where !seen.contains(address) {
            let hit = try? memory.withBytes(at: address, count: pageSize.bytes) { page in
                patterns.kind(of: page).map { ($0, patterns.mended(page, of: $0)) }
            }
            guard let (kind, page) = hit ?? nil else { continue }
            pages[kind, default: []].append(address)
            if let page, (try? mended.write(page, at: address)) != nil {
                notes.append(
                    HandoverDocument.Note(
                        name: "found", text: "\(kind.noun) at \(address), with a wrong count"))
            }
        }
        let memory: any PhysicalMemory = mended.regions.isEmpty ? memory : LayeredMemory([mended, memory])
        var luo = LUOState()
        luo.compatible = KernelString(abi.compatible)
        var sessions: [SessionState] = []

        func add(_ part: Reading?, _ what: (SessionState) -> String) {
            guard let part, let lost = part.state.luo else { return }
            for session in lost.sessions ?? [] {
                let faults = part.findings.count { $0.owner.isPart(of: session.name) }
                let certainty = faults == 0 ? "all its parts are consistent" : "\(faults) of its parts are inconsistent"
                notes.append(
                    HandoverDocument.Note(name: "found", text: "\(what(session)): \(certainty)"))
            }
            sessions += lost.sessions ?? []
            luo.flbs = luo.flbs ?? lost.flbs
            luo.flbAddress = luo.flbAddress ?? lost.flbAddress.flatMap { $0.rawValue == 0 ? nil : $0 }
            seen.formUnion(part.extents.map(\.address))
            found.extents += part.extents
            found.findings += part.findings
        }

        let flbs = pages[.flbs]?.first
        // A block that another block refers to is not the first of its chain.
        let later = Set((pages[.sessions] ?? []).compactMap { patterns.next(after: $0, in: memory) })
        for address in (pages[.sessions] ?? []) where !later.contains(address) && !seen.contains(address) {
            add(Self.read(sessionsAt: address, flbs: flbs, in: memory, pageSize, generation)) {
                "session \($0.name.quoted), in the block at \(address)"
            }
        }
        for kind in patterns.ofFiles {
            let later = Set(
                (pages[kind] ?? []).compactMap { kind == .files ? patterns.next(after: $0, in: memory) : nil })
            for address in (pages[kind] ?? []) where !later.contains(address) && !seen.contains(address) {
                let part = Self.read(kind, at: address, in: memory, pageSize, generation)
                // A page that only looks right by chance refers to nothing valid.
                if kind != .files, part?.findings.isEmpty != true { continue }
                add(part) { _ in "\(kind.noun) at \(address), of an unknown session" }
            }
        }
        if sessions.isEmpty, let flbs {
            add(Self.read(sessionsAt: nil, flbs: flbs, in: memory, pageSize, generation)) { _ in "" }
        }
        if let address = luo.flbAddress {
            notes.append(HandoverDocument.Note(name: "found", text: "a page of FLBs at \(address)"))
        }
        luo.sessions = sessions
        found.state.luo = luo
        reading = found
        self.notes = notes
    }

    /// Reads sessions as if LUO's state referred to them.
    private static func read(
        sessionsAt sessions: PhysicalAddress?, flbs: PhysicalAddress?, in memory: any PhysicalMemory,
        _ pageSize: PageSize, _ generation: Generation
    ) -> Reading? {
        guard let abi = generation.luo else { return nil }
        var luo = LUOState()
        luo.compatible = KernelString(abi.compatible)
        luo.liveUpdateNumber = 0
        luo.sessionsAddress = sessions ?? PhysicalAddress(0)
        luo.flbAddress = flbs ?? PhysicalAddress(0)
        guard let blob = try? abi.blob(of: luo, pageSize) else { return nil }
        return try? HandoverReader(memory: memory, pageSize: pageSize, generation: generation)
            .read(subtree: abi.subtree, blob.bytes)
    }

    /// Reads files that no session refers to, or the target of a file's handle, through made-up pages that refer to
    /// them, at addresses where the machine has no memory.
    private static func read(
        _ kind: PagePatterns.Kind, at address: PhysicalAddress, in memory: any PhysicalMemory, _ pageSize: PageSize,
        _ generation: Generation
    ) -> Reading? {
        guard let abi = generation.luo else { return nil }
        let size = UInt64(pageSize.bytes)
        let end = memory.regions.last?.upperBound.rawValue ?? 0
        let sessionPage = PhysicalAddress((end / size + 1) * size)
        var pages = SparseMemory(pageSize: pageSize.bytes)
        var files = address
        var count = fileCount(at: address, in: memory, abi, pageSize)
        if case .content(let handler) = kind {
            files = PhysicalAddress(sessionPage.rawValue + size)
            count = 1
            var page = [UInt8](repeating: 0, count: pageSize.bytes)
            abi.files.header?.count.write(1, to: &page)
            let layout = abi.files.record
            layout.compatible.write(KernelString(handler), to: &page, at: abi.files.headerSize)
            layout.data.write(address.rawValue, to: &page, at: abi.files.headerSize)
            layout.token.write(address.rawValue, to: &page, at: abi.files.headerSize)
            try? pages.write(page, at: files)
        }
        var page = [UInt8](repeating: 0, count: pageSize.bytes)
        abi.sessions.header?.count.write(1, to: &page)
        let layout = abi.sessions.record
        let (record, fileSet) = (abi.sessions.headerSize, layout.fileSet)
        layout.name.write(KernelString("found at \(address)"), to: &page, at: record)
        fileSet.layout.files.write(files, to: &page, at: record + fileSet.offset)
        fileSet.layout.count.write(count, to: &page, at: record + fileSet.offset)
        try? pages.write(page, at: sessionPage)
        var reading = read(
            sessionsAt: sessionPage, flbs: nil, in: LayeredMemory([memory, pages]), pageSize, generation)
        reading?.extents.removeAll { $0.address.rawValue >= end }
        if files != address { reading?.state.luo?.sessions?[0].filesAddress = nil }
        return reading
    }

    /// The number of files in a container that begins at `address`.
    private static func fileCount(
        at address: PhysicalAddress, in memory: any PhysicalMemory, _ abi: Generation.LUOState, _ pageSize: PageSize
    ) -> UInt64 {
        var count: UInt64 = 0
        switch abi.files.form {
        case .blockChain(let limit):
            let header = BlockHeaderLayout.layout
            var next = address
            for _ in 0..<limit where next.rawValue != 0 {
                let block = try? memory.withBytes(at: next, count: header.structure.size) {
                    (next: header.next.read($0), count: header.count.read($0))
                }
                guard let block else { break }
                count += min(block.count, UInt64(abi.files.capacity(pageSize: pageSize)))
                next = block.next
            }
        case .array:
            let record = abi.files.record.structure.size
            while count < UInt64(abi.files.capacity(pageSize: pageSize)),
                let place = address.advanced(by: count * UInt64(record)),
                (try? memory.withBytes(at: place, count: record, { $0.firstNonzeroByte })) != nil
            {
                count += 1
            }
        }
        return count
    }
}

extension Owner {
    /// Whether this is the session, or one of its files.
    fileprivate func isPart(of name: KernelString) -> Bool {
        switch self {
        case .session(let session, _), .file(let session, _): session == name
        default: false
        }
    }
}
