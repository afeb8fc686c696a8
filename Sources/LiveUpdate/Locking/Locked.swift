import Glibc

/// A value behind a lock that one thread holds at a time: the kernel's `mutex`, on `pthread_mutex_t`.
///
/// `Synchronization.Mutex` does the same, but ThreadSanitizer does not see it on Linux, and would take every access
/// for a race.
final class Locked<Value: Sendable>: @unchecked Sendable {
    // The lock's address is its identity, and so it lives on the heap until the object goes.
    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private var value: Value

    init(_ value: Value) {
        self.value = value
        pthread_mutex_init(lock, nil)
    }

    deinit {
        pthread_mutex_destroy(lock)
        lock.deallocate()
    }

    func withLock<Result, Failure: Error>(_ body: (inout Value) throws(Failure) -> Result) throws(Failure) -> Result {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        return try body(&value)
    }
}
