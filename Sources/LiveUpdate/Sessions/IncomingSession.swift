import SystemPackage

/// A session of the previous kernel, as an open file: `LIVEUPDATE_IOCTL_RETRIEVE_SESSION` returns it, once.
public struct IncomingSession: Sendable {
    let kernel: Kernel
    let files: IncomingFiles

    public var name: String { files.session.repaired }

    /// Restores a file, or returns the one already restored. Mirrors `LIVEUPDATE_SESSION_RETRIEVE_FD`.
    ///
    /// - Throws: `ENOENT` if there is no such token, or the error that the handler throws or threw before.
    public func retrieve(token: UInt64) throws(Errno) -> any PreservableFile {
        try kernel.whileAlive { () throws(Errno) in try files.retrieve(token: token, in: kernel) }
    }

    /// Finishes the session's files in reverse order. Mirrors `LIVEUPDATE_SESSION_FINISH`.
    ///
    /// - Throws: `EBUSY` if a file cannot be finished yet; then no file is finished.
    public func finish() throws(Errno) {
        try kernel.whileAlive { () throws(Errno) in try files.finish(in: kernel) }
    }

    /// Finishes and closes the session. Mirrors `close(2)` and `luo_session_release`.
    ///
    /// If a file cannot be finished, close(2) still succeeds. The files stay but are inaccessible, as the session
    /// cannot be retrieved again.
    public func close() throws(Errno) {
        try kernel.whileAlive { () throws(Errno) in
            if try files.close(in: kernel) { try kernel.sessions.remove(files) }
        }
    }
}
