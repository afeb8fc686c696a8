import Handover
import KernelABI
import SystemPackage

/// The files of a session handed over by the previous kernel.
final class IncomingFiles: Sendable {
    let session: KernelString

    private struct Entry {
        let token: UInt64
        let handler: HandlerEntry
        let preserved: PreservedFile
        var file: (any PreservableFile)?
        var status = FileHandler.RetrieveStatus.notYet
    }

    private struct State {
        var entries: [Entry] = []
        /// The number of files that are counted but missing.
        var missing: UInt64 = 0
        var isRetrieved = false
        var isClosed = false
    }

    private let state: Guarded<State>

    init(_ record: SessionState) {
        session = record.name
        state = Guarded(State(), by: "the mutex of incoming session \(record.name.bare)")
    }

    /// Finds a handler for each of the files. Mirrors `luo_file_deserialize`.
    ///
    /// - Throws: `ENOENT` if there is none, `EINVAL` if the number of files differs from the session's count.
    func deserialize(_ record: SessionState, in kernel: Kernel, _ rules: FLBLifecycle) throws(Errno) {
        let count = record.count ?? 0
        guard record.filesAddress?.rawValue != 0 else {
            if count != 0 { kernel.log.warn("luo_file.c: session \(session) states \(count) files, but has none") }
            return
        }
        try state.write { state throws(Errno) in
            do throws(Errno) {
                guard let files = record.files else { throw .invalidArgument }
                for file in files {
                    let handler = try kernel.registry.handler(named: file.compatible ?? "")
                    state.entries.append(
                        Entry(token: file.token, handler: handler, preserved: PreservedFile(file)))
                }
                guard count == UInt64(files.count) else { throw .invalidArgument }
            } catch {
                kernel.log.message("session \(session): its files cannot be deserialized: \(error.kernelName)")
                switch rules.failedDeserialization {
                case .ignored: state.missing = count - min(count, UInt64(state.entries.count))
                case .refused: throw error
                case .undone:
                    for entry in state.entries { entry.handler.release() }
                    state.entries = []
                    throw error
                }
            }
        }
    }

    /// Retrieves the session, once. Mirrors `luo_session_retrieve`.
    ///
    /// - Parameter check: Ensures that the session still exists.
    func markRetrieved(_ check: () throws(Errno) -> Void) throws(Errno) {
        try state.write { state throws(Errno) in
            try check()
            guard !state.isRetrieved else { throw .invalidArgument }
            state.isRetrieved = true
        }
    }

    /// Mirrors `luo_retrieve_file`.
    func retrieve(token: UInt64, in kernel: Kernel) throws(Errno) -> any PreservableFile {
        try state.write { state throws(Errno) in
            guard !state.isClosed else { throw .badFileDescriptor }
            guard let index = state.entries.firstIndex(where: { $0.token == token }) else {
                throw .noSuchFileOrDirectory
            }
            let entry = state.entries[index]
            switch entry.status {
            case .failed(let error): throw error
            case .retrieved:
                if let file = entry.file { return file }
                throw .ioError
            case .notYet: break
            }
            do throws(Errno) {
                let file = try entry.handler.operations.retrieve(entry.preserved, kernel.memory)
                entry.handler.report(.retrieve, data: entry.preserved.data, token: token)
                state.entries[index].file = file
                state.entries[index].status = .retrieved
                do throws(Errno) {
                    try kernel.preservedFiles.insert(file, entry.handler)
                } catch {
                    kernel.log.warn("luo_file.c: the file of token \(token.prefixedHex) is already preserved")
                }
                return file
            } catch {
                entry.handler.report(.retrieve, data: entry.preserved.data, token: token, error: error)
                state.entries[index].status = .failed(error)
                throw error
            }
        }
    }

    /// Finishes all files in reverse order, or none. Mirrors `luo_file_finish`.
    ///
    /// - Throws: `EBUSY` if a handler reports that a file cannot be finished yet.
    func finish(in kernel: Kernel) throws(Errno) {
        try state.write { state throws(Errno) in
            guard !state.isClosed else { throw .badFileDescriptor }
            try finish(&state, kernel)
        }
    }

    /// Finishes and closes the session. Mirrors `luo_session_release`.
    ///
    /// - Returns: Whether the session is gone. If a file cannot be finished, it stays, and cannot be retrieved again.
    func close(in kernel: Kernel) throws(Errno) -> Bool {
        try state.write { state throws(Errno) in
            guard !state.isClosed else { throw .badFileDescriptor }
            state.isClosed = true
            do throws(Errno) {
                try finish(&state, kernel)
            } catch {
                if error == .deadlocked { throw error }
                kernel.log.message("Unable to finish session [\(session.bare)] on release")
                return false
            }
            if state.missing != 0 {
                kernel.log.warn("luo_file.c: \(state.missing) counted files are missing")
            }
            return true
        }
    }

    private func finish(_ state: inout State, _ kernel: Kernel) throws(Errno) {
        for entry in state.entries {
            guard let canFinish = entry.handler.operations.canFinish else { continue }
            let isReady = canFinish(entry.preserved, entry.status)
            entry.handler.report(.canFinish, token: entry.token, error: isReady ? nil : .resourceBusy)
            guard isReady else { throw .resourceBusy }
        }
        while let entry = state.entries.popLast() {
            entry.handler.report(.finish, data: entry.preserved.data, token: entry.token)
            entry.handler.operations.finish(entry.file, entry.preserved, entry.status, kernel.memory)
            try kernel.registry.withFLBs(of: entry.handler) { flbs throws(Errno) in
                try flbs.finishFile(kernel.flbRecords)
            }
            if let file = entry.file { kernel.preservedFiles.remove(file, entry.handler) }
            entry.handler.release()
        }
    }
}
