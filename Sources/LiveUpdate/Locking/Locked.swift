import Glibc

/// A value protected by a mutex: the kernel's `mutex`, based on `pthread_mutex_t`.
///
/// Used instead of `Synchronization.Mutex`, which ThreadSanitizer does not recognise on Linux, so that it would report
/// every access as a race.
final class Locked<Value: Sendable>: @unchecked Sendable {
    // The lock must not move, so it is on the heap until the object is released.
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
