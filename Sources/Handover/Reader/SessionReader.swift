import KernelABI

/// Reads sessions and their files.
struct SessionReader {
    let context: ReadingContext
    let abi: Generation.LUOState
    let memfd: [Generation.MemFDHandler]

    /// Reads the sessions at `address` into `state`; 0 is none.
    func read(at address: PhysicalAddress, into state: inout LUOState, _ log: inout ReadingLog) {
        state.sessionsAddress = address
        guard address.rawValue != 0 else {
            state.sessions = []
            return
        }
        var sessions: [SessionState] = []
        var reader = RecordReader(context: context, container: abi.sessions, role: .sessions, owner: "LUO")
        let layout = SessionLayout.layout
        let fileSet = layout.fileSet
        let add = { (bytes: RawSpan, base: Int) in
            var session = SessionState()
            session.name = layout.name.read(bytes, at: base, last: nil)
            session.filesAddress = fileSet.layout.files.read(bytes, at: base + fileSet.offset)
            session.count = fileSet.layout.count.read(bytes, at: base + fileSet.offset)
            sessions.append(session)
        }
        switch abi.sessions.form {
        case .array:
            let count = reader.readArray(
                at: address, count: nil, countField: SessionHeaderLayout.layout.count.name, &log,
                header: { SessionHeaderLayout.layout.count.read($0) }, record: add)
            guard count != nil else { return }
        case .blockChain:
            let blocks = reader.readChain(at: address, &log, record: add)
            guard !blocks.isEmpty else { return }
            state.blocks = blocks
        }
        for index in sessions.indices {
            checkTermination(of: sessions[index].name, layout.structure.name, layout.name.name, &log)
            readFiles(of: &sessions[index], &log)
        }
        state.sessions = sessions
    }

    private func readFiles(of session: inout SessionState, _ log: inout ReadingLog) {
        guard let address = session.filesAddress, let stated = session.count else { return }
        guard address.rawValue != 0 else {
            session.files = []
            if stated != 0 {
                log.report(
                    Finding(
                        structure: FileSetLayout.layout.structure.name, field: FileSetLayout.layout.count.name,
                        found: "\(stated) files of session \"\(session.name)\" at address 0", expected: "0"))
            }
            return
        }
        var files: [FileState] = []
        var last: KernelString?
        var reader = RecordReader(
            context: context, container: abi.files, role: .files, owner: "session \"\(session.name)\"")
        let layout = FileLayout.layout
        let add = { (bytes: RawSpan, base: Int) in
            var file = FileState()
            let compatible: KernelString = layout.compatible.read(bytes, at: base, last: last)
            last = compatible
            file.compatible = compatible
            file.data = layout.data.read(bytes, at: base)
            file.token = layout.token.read(bytes, at: base)
            files.append(file)
        }
        switch abi.files.form {
        case .array:
            let count = reader.readArray(
                at: address, count: stated, countField: FileSetLayout.layout.count.name, &log, header: { _ in stated },
                record: add)
            guard count != nil else { return }
        case .blockChain:
            let blocks = reader.readChain(at: address, &log, record: add)
            guard !blocks.isEmpty else { return }
            session.blocks = blocks
            if UInt64(files.count) != stated {
                log.report(
                    Finding(
                        structure: FileSetLayout.layout.structure.name, field: FileSetLayout.layout.count.name,
                        address: address, found: "\(stated) for session \"\(session.name)\"",
                        expected: "\(files.count), the number of files in its blocks"))
            }
        }
        var handler: (name: KernelString, reader: MemFDReader?)?
        for index in files.indices {
            guard let compatible = files[index].compatible else { continue }
            if handler?.name != compatible {
                checkTermination(of: compatible, layout.structure.name, layout.compatible.name, &log)
                let known = memfd.first { $0.compatible == compatible.validString && compatible.isTerminated }
                handler = (compatible, known.map { MemFDReader(context: context, layout: $0.layout) })
            }
            guard let reader = handler?.reader, let data = files[index].data else { continue }
            let token = String(files[index].token, radix: 16)
            files[index].memfd = reader.read(
                at: PhysicalAddress(data), owner: "session \"\(session.name)\", token 0x\(token)", &log)
        }
        session.files = files
    }

    private func checkTermination(
        of string: KernelString, _ structure: String, _ field: String, _ log: inout ReadingLog
    ) {
        guard !string.isTerminated else { return }
        log.report(
            Finding(
                structure: structure, field: field, found: "\"\(string)\" without a NUL",
                expected: "a NUL within \(string.bytes.count) bytes: a kernel reads on behind the field"))
    }
}
