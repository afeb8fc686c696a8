import Handover
import KernelABI
import SystemPackage

/// The sessions of a kernel, of both directions.
final class SessionLists: Sendable {
    private struct State {
        /// In the order in which they were created.
        var outgoing: [OutgoingFiles] = []
        /// In the order in which they were handed over.
        var incoming: [IncomingFiles] = []
        /// Blocks allocated for the records of outgoing sessions.
        var blocks = 0
    }

    private let state = Locked(State())
    private let limits: Limits

    init(_ limits: Limits) {
        self.limits = limits
    }

    /// Mirrors `luo_session_insert`, which makes room before it looks whether the name is in use, and leaves the room
    /// if it is.
    func insert(_ files: OutgoingFiles) throws(Errno) {
        try state.withLock { state throws(Errno) in
            guard state.outgoing.count < limits.sessions else { throw limits.sessionError }
            state.blocks = max(state.blocks, limits.sessionBlocks(state.outgoing.count + 1))
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

    /// Mirrors `luo_session_remove`, which gives back the room that nothing needs.
    func remove(_ files: OutgoingFiles) {
        state.withLock { state in
            state.outgoing.removeAll { $0 === files }
            state.blocks = limits.sessionBlocks(state.outgoing.count)
        }
    }

    func remove(_ files: IncomingFiles) {
        state.withLock { $0.incoming.removeAll { $0 === files } }
    }

    func removeAll() {
        state.withLock { $0 = State() }
    }

    /// The session of a name that came in; `nil` if there is none.
    func incoming(named name: String) -> IncomingFiles? {
        state.withLock { state in state.incoming.first { $0.session == KernelString(name) } }
    }

    var outgoing: [OutgoingFiles] { state.withLock { $0.outgoing } }
    var incomingCount: Int { state.withLock { $0.incoming.count } }
    /// Mirrors `luo_session_quiesce`.
    var areEmpty: Bool { state.withLock { $0.outgoing.isEmpty && $0.incoming.isEmpty } }

    /// The blocks of the outgoing sessions' records, if there are more than the records need.
    var blocksWithEmptyOnes: [BlockState]? {
        state.withLock { state in
            let count = state.outgoing.count
            guard count > 0, state.blocks > limits.sessionBlocks(count) else { return nil }
            return (0..<state.blocks).map { index in
                let rest = count - index * limits.sessionsOfBlock
                return BlockState(address: nil, count: UInt64(min(max(rest, 0), limits.sessionsOfBlock)))
            }
        }
    }
}
