import SystemPackage

/// A session of the last kernel, as an open file: `LIVEUPDATE_IOCTL_RETRIEVE_SESSION` returns it, once.
public struct IncomingSession: Sendable {
    let kernel: Kernel
    let files: IncomingFiles

    public var name: String { files.session.repaired }

    /// Makes a file anew, or returns the one that was. Mirrors `LIVEUPDATE_SESSION_RETRIEVE_FD`.
    ///
    /// - Throws: `ENOENT` if there is no such token, or what the handler throws or threw.
    public func retrieve(token: UInt64) throws(Errno) -> any PreservableFile {
        try kernel.whileAlive { () throws(Errno) in try files.retrieve(token: token, in: kernel) }
    }

    /// Finishes the session's files, the last first. Mirrors `LIVEUPDATE_SESSION_FINISH`.
    ///
    /// - Throws: `EBUSY` if a file cannot be finished yet; then none is.
    public func finish() throws(Errno) {
        try kernel.whileAlive { () throws(Errno) in try files.finish(in: kernel) }
    }

    /// Finishes, and lets go of the session. Mirrors `close(2)` and `luo_session_release`.
    ///
    /// If a file cannot be finished, close(2) succeeds all the same. The files stay, and nobody can get at them: the
    /// session cannot be retrieved again.
    public func close() throws(Errno) {
        try kernel.whileAlive { () throws(Errno) in
            if try files.close(in: kernel) { try kernel.sessions.remove(files) }
        }
    }
}
