import SystemPackage

/// Which files are in a session, of either direction: a file is in one at most. The kernel's `luo_preserved_files`.
final class PreservedFiles: Sendable {
    private let identities = Locked<Set<ObjectIdentifier>>([])

    /// - Throws: `EBUSY` where the file is in a session.
    func insert(_ file: any PreservableFile) throws(Errno) {
        try identities.withLock { identities throws(Errno) in
            guard identities.insert(ObjectIdentifier(file)).inserted else { throw .resourceBusy }
        }
    }

    func remove(_ file: any PreservableFile) {
        _ = identities.withLock { $0.remove(ObjectIdentifier(file)) }
    }

    var count: Int { identities.withLock { $0.count } }
}
