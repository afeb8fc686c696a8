import SystemPackage

/// A session for the next kernel, as an open file: `LIVEUPDATE_IOCTL_CREATE_SESSION` returns it.
public struct OutgoingSession: Sendable {
    let kernel: Kernel
    let files: OutgoingFiles

    public var name: String { files.session }

    /// Preserves a file. Mirrors `LIVEUPDATE_SESSION_PRESERVE_FD`.
    ///
    /// - Throws: `EEXIST` where the session has the token, `ENOSPC` at the session's limit, `ENOENT` where no handler
    ///   takes the file, `EBUSY` where a session has it already, what an FLB or the handler throws, or `ENODEV` where
    ///   the owner of an FLB is going.
    public func preserve(_ file: any PreservableFile, token: UInt64) throws(Errno) {
        try kernel.whileAlive { () throws(Errno) in try files.preserve(file, token: token, in: kernel) }
    }

    /// Lets go of the session: its files are unpreserved, the last first. Mirrors `luo_session_release`.
    public func close() throws(Errno) {
        try kernel.whileAlive { () throws(Errno) in
            try files.close(in: kernel)
            try kernel.sessions.remove(files)
        }
    }
}
