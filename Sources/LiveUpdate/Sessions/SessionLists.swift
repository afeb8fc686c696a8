import Handover
import KernelABI
import SystemPackage

/// The sessions of a kernel in both directions: `luo_session_global`, with one lock per list.
final class SessionLists: Sendable {
    private struct Outgoing {
        /// In the order in which they were created.
        var sessions: [OutgoingFiles] = []
        var names: Set<String> = []
        /// The number of blocks allocated for their records.
        var blocks = 0
    }

    private let outgoingList = Guarded(Outgoing(), by: "luo_session_global.outgoing.rwsem")
    /// In the order in which they were handed over.
    private let incomingList = Guarded<[IncomingFiles]>([], by: "luo_session_global.incoming.rwsem")
    private let limits: Limits

    init(_ limits: Limits) {
        self.limits = limits
    }

    /// Mirrors `luo_session_insert`, which allocates a block before it checks whether the name is in use, and keeps it
    /// if so.
    func insert(_ files: OutgoingFiles) throws(Errno) {
        try outgoingList.write { list throws(Errno) in
            guard list.sessions.count < limits.sessions else { throw limits.sessionError }
            list.blocks = max(list.blocks, limits.sessionBlocks(list.sessions.count + 1))
            guard list.names.insert(files.session).inserted else { throw .fileExists }
            list.sessions.append(files)
        }
    }

    func insert(_ files: IncomingFiles) throws(Errno) {
        try incomingList.write { list throws(Errno) in
            guard !list.contains(where: { $0.session == files.session }) else { throw .fileExists }
            list.append(files)
        }
    }

    /// Mirrors `luo_session_remove`, which frees unneeded blocks.
    func remove(_ files: OutgoingFiles) throws(Errno) {
        try outgoingList.write { list throws(Errno) in
            list.sessions.removeAll { $0 === files }
            list.names.remove(files.session)
            list.blocks = limits.sessionBlocks(list.sessions.count)
        }
    }

    func remove(_ files: IncomingFiles) throws(Errno) {
        try incomingList.write { list throws(Errno) in list.removeAll { $0 === files } }
    }

    /// Retrieves the incoming session with a name, once. Mirrors `luo_session_retrieve`.
    ///
    /// - Throws: `ENOENT` if there is none, `EINVAL` if it was already retrieved; `Errno.crashed` if it is freed
    ///   concurrently and the kernel does not prevent that.
    func retrieve(_ name: String, _ kernel: Kernel) throws(Errno) -> IncomingFiles {
        func find(_ list: [IncomingFiles]) throws(Errno) -> IncomingFiles {
            guard let files = list.first(where: { $0.session == KernelString(name) }) else {
                throw .noSuchFileOrDirectory
            }
            return files
        }
        switch kernel.configuration.lifecycle?.incomingLocks ?? .whole {
        case .whole:
            return try incomingList.read { list throws(Errno) in
                let files = try find(list)
                try files.markRetrieved {}
                return files
            }
        case .pieces:
            let files = try incomingList.read(find)
            try files.markRetrieved { () throws(Errno) in
                RaceSide.use(incomingList.name, isWrite: false)
                guard incomingList.current.contains(where: { $0 === files }) else {
                    throw kernel.log.crash("use after free in luo_session_retrieve()")
                }
            }
            return files
        }
    }

    /// Runs `body` while there are no sessions and none can be created. Mirrors `luo_session_quiesce`.
    ///
    /// - Throws: `EBUSY` if there are sessions.
    func whileQuiesced(_ body: () throws(Errno) -> Void) throws(Errno) {
        try incomingList.write { incoming throws(Errno) in
            try outgoingList.write { outgoing throws(Errno) in
                guard incoming.isEmpty, outgoing.sessions.isEmpty else { throw .resourceBusy }
                try body()
            }
        }
    }

    var outgoing: [OutgoingFiles] { outgoingList.current.sessions }
    var incomingCount: Int { incomingList.current.count }

    /// The blocks of the outgoing sessions' records, if there are more than needed.
    var blocksWithEmptyOnes: [BlockState]? {
        let list = outgoingList.current
        let count = list.sessions.count
        guard count > 0, list.blocks > limits.sessionBlocks(count) else { return nil }
        return (0..<list.blocks).map { index in
            let rest = count - index * limits.sessionsOfBlock
            return BlockState(address: nil, count: UInt64(min(max(rest, 0), limits.sessionsOfBlock)))
        }
    }
}
