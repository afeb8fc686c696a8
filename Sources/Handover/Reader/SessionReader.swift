import KernelABI

/// Reads sessions and their files.
struct SessionReader {
    private let context: ReadingContext
    private let abi: Generation.LUOState
    private let contents: ContentReader

    init(context: ReadingContext, abi: Generation.LUOState, generation: Generation) {
        self.context = context
        self.abi = abi
        contents = ContentReader(context: context, place: .file, generation: generation)
    }

    /// Reads the sessions at `address` into `state`; 0 means none.
    func read(at address: PhysicalAddress, into state: inout LUOState, _ log: inout ReadingLog) {
        state.sessionsAddress = address
        guard address.rawValue != 0 else {
            state.sessions = []
            return
        }
        var sessions: [SessionState] = []
        var reader = RecordReader(context: context, container: abi.sessions, role: .sessions, owner: .luo())
        let layout = abi.sessions.record
        let fileSet = layout.fileSet
        var places = RecordPlaces(of: layout.structure)
        func add(_ bytes: RawSpan, _ records: AdjacentRecords, _ address: PhysicalAddress) {
            places.add(records.count, at: address)
            for base in records {
                var session = SessionState()
                session.name = layout.name.read(bytes, at: base)
                session.filesAddress = fileSet.layout.files.read(bytes, at: base + fileSet.offset)
                session.count = fileSet.layout.count.read(bytes, at: base + fileSet.offset)
                session.further = layout.further(of: bytes, at: base)
                sessions.append(session)
            }
        }
        switch abi.sessions.form {
        case .array:
            guard reader.readArray(at: address, &log, records: add) != nil else { return }
        case .blockChain:
            let blocks = reader.readChain(at: address, &log, records: add).blocks
            guard !blocks.isEmpty else { return }
            state.blocks = blocks
        }
        log.records.sessions = places
        var files = FileReader(layout: abi.files.record)
        for index in sessions.indices {
            let owner = Owner.session(sessions[index].name)
            log.checkTermination(of: sessions[index].name, of: owner, at: places[index].field(layout.name))
            readFiles(of: &sessions[index], at: places[index], by: &files, &log)
            log.records.files.append(files.places)
        }
        let mapped = context.hasMemory ? context.kinds.sessionNames : []
        for index in sessions.indices where mapped.contains(sessions[index].name) {
            let kinds = context.kinds.candidates(named: sessions[index].name, at: .session, nil)
            guard let kind = kinds.first as? DescribedKind, let form = kind.mapping else { continue }
            sessions[index].mapping = SessionMapping(of: sessions[index], kind, form, context, &log)
        }
        state.sessions = sessions
    }

    private func readFiles(
        of session: inout SessionState, at place: Place, by files: inout FileReader, _ log: inout ReadingLog
    ) {
        files.begin(expecting: session.count ?? 0)
        guard let address = session.filesAddress, let stated = session.count else { return }
        let owner = Owner.session(session.name)
        let fileSet = abi.sessions.record.fileSet
        var countPlace: Place { place.field(fileSet).field(fileSet.layout.count) }
        guard address.rawValue != 0 else {
            session.files = []
            if stated != 0 {
                log.report(.link, of: owner, at: countPlace, found: "\(stated) files at address 0", expected: "0")
            }
            return
        }
        var reader = RecordReader(context: context, container: abi.files, role: .files, owner: owner)
        switch abi.files.form {
        case .array:
            let count = reader.readArray(
                at: address, count: stated, countedAt: countPlace, &log, records: { files.add($0, $1, at: $2) })
            guard count != nil else { return }
        case .blockChain:
            let (blocks, isWhole) = reader.readChain(at: address, &log, records: { files.add($0, $1, at: $2) })
            guard !blocks.isEmpty else { return }
            session.blocks = blocks
            if isWhole, UInt64(files.files.count) != stated {
                log.report(
                    .mismatch, of: owner, at: countPlace, found: "\(stated)",
                    expected: "\(files.files.count), the number of files in its blocks")
            }
        }
        readContents(of: &files, in: session.name, &log)
        session.files = files.files
    }

    /// Reads what the files' handlers preserved, if the kind is known.
    private func readContents(of reader: inout FileReader, in session: KernelString, _ log: inout ReadingLog) {
        for (place, first) in reader.runs.enumerated() {
            guard let compatible = reader.files[first].compatible else { continue }
            log.checkTermination(
                of: compatible, of: .file(session: session, token: reader.files[first].token),
                at: reader.places[first].field(abi.files.record.compatible))
            let candidates = reader.candidates(of: compatible) { contents.candidates(named: compatible) }
            let end = place + 1 < reader.runs.count ? reader.runs[place + 1] : reader.files.count
            if candidates.isEmpty, !contents.canReadUnknown(log) { continue }
            for index in first..<end {
                guard let data = reader.files[index].data else { continue }
                let owner = Owner.file(session: session, token: reader.files[index].token)
                guard let content = contents.read(data, as: candidates, owner: owner, &log) else { continue }
                reader.files[index].content = content
            }
        }
    }
}
