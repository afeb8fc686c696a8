import Glibc

/// A lock that many readers or one writer hold: the kernel's `rw_semaphore`, on `pthread_rwlock_t`.
///
/// A thread that reads may begin to read again; one that reads must not write.
final class ReadWriteLock: @unchecked Sendable {
    // The lock's address is its identity, and so it lives on the heap until the object goes.
    private let lock = UnsafeMutablePointer<pthread_rwlock_t>.allocate(capacity: 1)
    /// How often each thread is reading.
    private let readers = Locked<[pthread_t: Int]>([:])

    init() {
        pthread_rwlock_init(lock, nil)
    }

    deinit {
        pthread_rwlock_destroy(lock)
        lock.deallocate()
    }

    func read<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
        pthread_rwlock_rdlock(lock)
        let thread = pthread_self()
        readers.withLock { $0[thread, default: 0] += 1 }
        defer {
            readers.withLock { readers in
                let count = readers[thread, default: 0] - 1
                readers[thread] = count > 0 ? count : nil
            }
            pthread_rwlock_unlock(lock)
        }
        return try body()
    }

    /// Whether this thread is reading, so that for it to write would be to wait for itself.
    var isReadByThisThread: Bool { readers.withLock { $0[pthread_self()] != nil } }

    func write<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
        pthread_rwlock_wrlock(lock)
        defer { pthread_rwlock_unlock(lock) }
        return try body()
    }
}

/// A value behind a ``ReadWriteLock``.
final class ReadWriteLocked<Value: Sendable>: @unchecked Sendable {
    private let lock = ReadWriteLock()
    private var value: Value

    init(_ value: Value) {
        self.value = value
    }

    func read<Result, Failure: Error>(_ body: (Value) throws(Failure) -> Result) throws(Failure) -> Result {
        try lock.read { () throws(Failure) in try body(value) }
    }

    var isReadByThisThread: Bool { lock.isReadByThisThread }

    func write<Result, Failure: Error>(_ body: (inout Value) throws(Failure) -> Result) throws(Failure) -> Result {
        try lock.write { () throws(Failure) in try body(&value) }
    }
}
