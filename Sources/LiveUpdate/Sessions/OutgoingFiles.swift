import Handover
import KernelABI
import SystemPackage

/// The files of a session for the next kernel: `struct luo_file_set` with the session's lock.
final class OutgoingFiles: Sendable {
    let session: String

    private struct Entry {
        let token: UInt64
        let file: any PreservableFile
        let handler: HandlerEntry
        var preserved: PreservedFile
    }

    private struct State {
        var entries: [Entry] = []
        var isClosed = false
    }

    private let state: Guarded<State>

    init(session: String) {
        self.session = session
        state = Guarded(State(), by: "the mutex of session \(session)")
    }

    /// Mirrors `luo_preserve_file`.
    func preserve(_ file: any PreservableFile, token: UInt64, in kernel: Kernel) throws(Errno) {
        try state.write { state throws(Errno) in
            guard !state.isClosed else { throw .badFileDescriptor }
            guard !state.entries.contains(where: { $0.token == token }) else { throw .fileExists }
            guard state.entries.count < kernel.limits.files else { throw .noSpace }
            let handler = try kernel.registry.handler(of: file)
            do throws(Errno) {
                try kernel.preservedFiles.insert(file, handler)
                do throws(Errno) {
                    let preserved = try preserve(file, token, handler, kernel)
                    state.entries.append(
                        Entry(token: token, file: file, handler: handler, preserved: preserved))
                } catch {
                    kernel.preservedFiles.remove(file, handler)
                    throw error
                }
            } catch {
                handler.release()
                throw error
            }
        }
    }

    private func preserve(
        _ file: any PreservableFile, _ token: UInt64, _ handler: HandlerEntry, _ kernel: Kernel
    ) throws(Errno) -> PreservedFile {
        try kernel.registry.withFLBs(of: handler) { flbs throws(Errno) in try flbs.addFile() }
        do throws(Errno) {
            let preserved = try handler.operations.preserve(file, kernel.memory)
            handler.report(.preserve, data: preserved.data, token: token)
            return preserved
        } catch {
            handler.report(.preserve, token: token, error: error)
            try kernel.registry.withFLBs(of: handler) { flbs throws(Errno) in try flbs.removeFile() }
            throw error
        }
    }

    /// Unpreserves all files in reverse order. Mirrors `luo_file_unpreserve_files`.
    func close(in kernel: Kernel) throws(Errno) {
        try state.write { state throws(Errno) in
            guard !state.isClosed else { throw .badFileDescriptor }
            state.isClosed = true
            while let entry = state.entries.popLast() {
                entry.handler.report(.unpreserve, data: entry.preserved.data, token: entry.token)
                entry.handler.operations.unpreserve(entry.file, entry.preserved, kernel.memory)
                try kernel.registry.withFLBs(of: entry.handler) { flbs throws(Errno) in try flbs.removeFile() }
                kernel.preservedFiles.remove(entry.file, entry.handler)
                entry.handler.release()
            }
        }
    }

    /// Freezes all files in order, or none. Mirrors `luo_file_freeze`.
    func freeze(_ memory: KHOMemory) throws(Errno) {
        try state.write { state throws(Errno) in
            for index in state.entries.indices {
                let handler = state.entries[index].handler
                guard let freeze = handler.operations.freeze else { continue }
                let (file, token) = (state.entries[index].file, state.entries[index].token)
                // Changes made by a failed freeze are discarded.
                var preserved = state.entries[index].preserved
                do throws(Errno) {
                    try freeze(file, &preserved, memory)
                    state.entries[index].preserved = preserved
                    handler.report(.freeze, data: preserved.data, token: token)
                } catch {
                    handler.report(.freeze, token: token, error: error)
                    for entry in state.entries[..<index] { Self.unfreeze(entry, memory) }
                    throw error
                }
            }
        }
    }

    /// Mirrors `luo_file_unfreeze`.
    func unfreeze(_ memory: KHOMemory) {
        for entry in state.current.entries { Self.unfreeze(entry, memory) }
    }

    private static func unfreeze(_ entry: Entry, _ memory: KHOMemory) {
        guard let unfreeze = entry.handler.operations.unfreeze else { return }
        entry.handler.report(.unfreeze, data: entry.preserved.data, token: entry.token)
        unfreeze(entry.file, entry.preserved, memory)
    }

    /// The session's record.
    func record(_ abi: Generation.LUOState) -> SessionState {
        var record = SessionState()
        record.name = KernelString(session, cutTo: abi.sessions.record.name)
        record.files = state.current.entries.map { entry in
            var file = entry.preserved.record
            file.token = entry.token
            file.compatible = KernelString(entry.handler.definition.compatible, cutTo: abi.files.record.compatible)
            return file
        }
        return record
    }
}
