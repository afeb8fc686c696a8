import SystemPackage

/// The files in sessions of both directions; a file can be in only one session. The kernel's `luo_preserved_files`.
final class PreservedFiles: Sendable {
    private let identities = Locked<Set<ObjectIdentifier>>([])

    /// - Throws: `EBUSY` if the file is already in a session.
    func insert(_ file: any PreservableFile, _ handler: HandlerEntry) throws(Errno) {
        RaceSide.use(label(of: file))
        try identities.withLock { identities throws(Errno) in
            guard identities.insert(handler.identity(of: file)).inserted else { throw .resourceBusy }
        }
    }

    func remove(_ file: any PreservableFile, _ handler: HandlerEntry) {
        RaceSide.use(label(of: file))
        _ = identities.withLock { $0.remove(handler.identity(of: file)) }
    }

    var count: Int { identities.withLock { $0.count } }

    /// A label that is the same in every run of a race. Several files may share it.
    private func label(of file: any PreservableFile) -> String {
        let file = (file as? OpaqueFile).map { "file \($0.data) of \($0.handler)" } ?? "files of \(type(of: file))"
        return "luo_preserved_files: \(file)"
    }
}
