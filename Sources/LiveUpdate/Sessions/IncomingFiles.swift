import Handover
import KernelABI
import SystemPackage

/// The files of a session that the last kernel handed over.
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
        var isRetrieved = false
        var isClosed = false
    }

    private let state: Locked<State>

    /// Finds a handler for each of the files. Mirrors `luo_file_deserialize`.
    ///
    /// - Throws: `ENOENT` where there is none, `EINVAL` where the files are not as many as the session says.
    init(_ record: SessionState, _ registry: Registry) throws(Errno) {
        session = record.name
        var entries: [Entry] = []
        do throws(Errno) {
            guard let files = record.files else { throw .invalidArgument }
            for file in files {
                let name = file.compatible ?? ""
                let handler = try registry.handler(named: name)
                entries.append(
                    Entry(
                        token: file.token, handler: handler,
                        preserved: PreservedFile(data: file.data ?? 0, memfd: file.memfd)))
            }
            let count = record.count ?? 0
            let isWithoutFiles = record.filesAddress?.rawValue == 0
            guard isWithoutFiles || count == UInt64(files.count) else { throw .invalidArgument }
        } catch {
            for entry in entries { entry.handler.release() }
            throw error
        }
        state = Locked(State(entries: entries))
    }

    /// Lets the session be had, once. Mirrors `luo_session_retrieve`.
    func markRetrieved() throws(Errno) {
        try state.withLock { state throws(Errno) in
            guard !state.isRetrieved else { throw .invalidArgument }
            state.isRetrieved = true
        }
    }

    /// Mirrors `luo_retrieve_file`.
    func retrieve(token: UInt64, in kernel: Kernel) throws(Errno) -> any PreservableFile {
        try state.withLock { state throws(Errno) in
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
                    try kernel.preservedFiles.insert(file)
                } catch {
                    kernel.observer?(.warning("the file of token 0x\(String(token, radix: 16)) is preserved already"))
                }
                return file
            } catch {
                entry.handler.report(.retrieve, data: entry.preserved.data, token: token, error: error)
                state.entries[index].status = .failed(error)
                throw error
            }
        }
    }

    /// Finishes all files, the last first, or none. Mirrors `luo_file_finish`.
    ///
    /// - Throws: `EBUSY` where a handler says that a file cannot be finished yet.
    func finish(in kernel: Kernel) throws(Errno) {
        try state.withLock { state throws(Errno) in
            guard !state.isClosed else { throw .badFileDescriptor }
            try finish(&state, kernel)
        }
    }

    /// Finishes, and lets go of the session. Mirrors `luo_session_release`.
    func close(in kernel: Kernel) throws(Errno) {
        try state.withLock { state throws(Errno) in
            guard !state.isClosed else { throw .badFileDescriptor }
            try finish(&state, kernel)
            state.isClosed = true
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
            kernel.registry.flbs(of: entry.handler).finishFile(kernel.flbRecords)
            if let file = entry.file { kernel.preservedFiles.remove(file) }
            entry.handler.release()
        }
    }
}
