import SystemPackage

/// A session for the next kernel, as an open file: `LIVEUPDATE_IOCTL_CREATE_SESSION` returns it.
public struct OutgoingSession: Sendable {
    let kernel: Kernel
    let files: OutgoingFiles

    public var name: String { files.session }

    /// Preserves a file. Mirrors `LIVEUPDATE_SESSION_PRESERVE_FD`.
    ///
    /// - Throws: `EEXIST` if the session already has the token, `ENOSPC` at the session's limit, `ENOENT` if no handler
    ///   can preserve the file, `EBUSY` if the file is already in a session, the error that an FLB or the handler
    ///   throws, or `ENODEV` if the owner of an FLB is going away.
    public func preserve(_ file: any PreservableFile, token: UInt64) throws(Errno) {
        try kernel.whileAlive { () throws(Errno) in try files.preserve(file, token: token, in: kernel) }
    }

    /// Closes the session, unpreserving its files in reverse order. Mirrors `luo_session_release`.
    public func close() throws(Errno) {
        try kernel.whileAlive { () throws(Errno) in
            try files.close(in: kernel)
            try kernel.sessions.remove(files)
        }
    }
}
