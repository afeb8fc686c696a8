import Glibc

/// A lock that can be held by many readers or one writer: the kernel's `rw_semaphore`, based on `pthread_rwlock_t`.
///
/// A thread may acquire it for reading again while reading, but not for writing.
final class ReadWriteLock: @unchecked Sendable {
    // The lock must not move, so it is on the heap until the object is released.
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

/// A value protected by a ``ReadWriteLock``.
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
