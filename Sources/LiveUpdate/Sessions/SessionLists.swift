import KernelABI
import SystemPackage

/// The sessions of a kernel, of both directions.
final class SessionLists: Sendable {
    private struct State {
        /// In the order in which they were created.
        var outgoing: [OutgoingFiles] = []
        /// In the order in which they were handed over.
        var incoming: [IncomingFiles] = []
    }

    private let state = Locked(State())

    /// Mirrors `luo_session_insert`.
    func insert(_ files: OutgoingFiles, limits: Limits) throws(Errno) {
        try state.withLock { state throws(Errno) in
            guard state.outgoing.count < limits.sessions else { throw limits.sessionError }
            guard !state.outgoing.contains(where: { $0.session == files.session }) else { throw .fileExists }
            state.outgoing.append(files)
        }
    }

    func insert(_ files: IncomingFiles) throws(Errno) {
        try state.withLock { state throws(Errno) in
            guard !state.incoming.contains(where: { $0.session == files.session }) else { throw .fileExists }
            state.incoming.append(files)
        }
    }

    func remove(_ files: OutgoingFiles) {
        state.withLock { $0.outgoing.removeAll { $0 === files } }
    }

    func remove(_ files: IncomingFiles) {
        state.withLock { $0.incoming.removeAll { $0 === files } }
    }

    func removeAll() {
        state.withLock { $0 = State() }
    }

    /// The session of a name that came in; `nil` where there is none.
    func incoming(named name: String) -> IncomingFiles? {
        state.withLock { state in state.incoming.first { $0.session == KernelString(name) } }
    }

    var outgoing: [OutgoingFiles] { state.withLock { $0.outgoing } }
    var incomingCount: Int { state.withLock { $0.incoming.count } }
}
