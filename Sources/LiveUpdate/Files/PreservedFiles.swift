import SystemPackage

/// Which files are in a session, of either direction: a file is in one at most. The kernel's `luo_preserved_files`.
final class PreservedFiles: Sendable {
    private let identities = Locked<Set<ObjectIdentifier>>([])

    /// - Throws: `EBUSY` if the file is in a session.
    func insert(_ file: ObjectIdentifier) throws(Errno) {
        try identities.withLock { identities throws(Errno) in
            guard identities.insert(file).inserted else { throw .resourceBusy }
        }
    }

    func remove(_ file: ObjectIdentifier) {
        _ = identities.withLock { $0.remove(file) }
    }

    var count: Int { identities.withLock { $0.count } }
}
