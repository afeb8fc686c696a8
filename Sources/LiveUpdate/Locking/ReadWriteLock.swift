import Glibc

/// A lock that many readers or one writer hold: the kernel's `rw_semaphore`, on `pthread_rwlock_t`.
///
/// A thread that reads may begin to read again; one that reads must not write.
final class ReadWriteLock: @unchecked Sendable {
    // The lock's address is its identity, and so it lives on the heap until the object goes.
    private let lock = UnsafeMutablePointer<pthread_rwlock_t>.allocate(capacity: 1)

    init() {
        pthread_rwlock_init(lock, nil)
    }

    deinit {
        pthread_rwlock_destroy(lock)
        lock.deallocate()
    }

    func read<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
        pthread_rwlock_rdlock(lock)
        defer { pthread_rwlock_unlock(lock) }
        return try body()
    }

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

    func write<Result, Failure: Error>(_ body: (inout Value) throws(Failure) -> Result) throws(Failure) -> Result {
        try lock.write { () throws(Failure) in try body(&value) }
    }
}
