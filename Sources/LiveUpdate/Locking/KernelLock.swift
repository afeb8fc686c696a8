import Glibc
import SystemPackage

/// A lock that the kernel has, or a driver: a `mutex`, which is only written, or an `rw_semaphore`.
///
/// In a race, it is the lock that decides which of the sides can go on (``RaceSide``).
final class KernelLock: Sendable {
    let name: String
    private let lock = ReadWriteLock()
    /// How often each thread is reading, and which one writes.
    private let holders = Locked<(readers: [pthread_t: Int], writer: pthread_t?)>(([:], nil))

    init(_ name: String) {
        self.name = name
    }

    /// Runs `body` with others that read.
    ///
    /// - Throws: `Errno.deadlocked` if the thread writes, or is on a side of a race that waits for ever.
    func read<Result>(_ body: () throws(Errno) -> Result) throws(Errno) -> Result {
        let thread = pthread_self()
        let side = try RaceSide.acquire(name, isWrite: false)
        defer { side?.release(name) }
        if side == nil, holders.withLock({ $0.writer == thread }) { throw .deadlocked }
        return try lock.read { () throws(Errno) in
            holders.withLock { $0.readers[thread, default: 0] += 1 }
            defer {
                holders.withLock { holders in
                    let count = holders.readers[thread, default: 0] - 1
                    holders.readers[thread] = count > 0 ? count : nil
                }
            }
            return try body()
        }
    }

    /// Runs `body` alone.
    ///
    /// - Throws: `Errno.deadlocked` if the thread reads or writes, or is on a side of a race that waits for ever.
    func write<Result>(_ body: () throws(Errno) -> Result) throws(Errno) -> Result {
        let thread = pthread_self()
        let side = try RaceSide.acquire(name, isWrite: true)
        defer { side?.release(name) }
        if side == nil, holders.withLock({ $0.writer == thread || $0.readers[thread] != nil }) { throw .deadlocked }
        return try lock.write { () throws(Errno) in
            holders.withLock { $0.writer = thread }
            defer { holders.withLock { $0.writer = nil } }
            return try body()
        }
    }

    /// Runs `body` for the model's own ends, of which the kernel knows nothing. The thread must not hold the lock.
    func peek<Result>(_ body: () -> Result) -> Result { lock.read(body) }
}

/// A value behind a ``KernelLock``.
final class Guarded<Value: Sendable>: @unchecked Sendable {
    private let lock: KernelLock
    private var value: Value

    init(_ value: Value, by name: String) {
        self.value = value
        lock = KernelLock(name)
    }

    var name: String { lock.name }

    func read<Result>(_ body: (Value) throws(Errno) -> Result) throws(Errno) -> Result {
        try lock.read { () throws(Errno) in try body(value) }
    }

    func write<Result>(_ body: (inout Value) throws(Errno) -> Result) throws(Errno) -> Result {
        try lock.write { () throws(Errno) in try body(&value) }
    }

    /// The value, for the model's own ends. The thread must not hold the lock.
    var current: Value { lock.peek { value } }
}
