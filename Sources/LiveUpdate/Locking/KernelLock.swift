import Glibc
import SystemPackage

/// A lock of the kernel or of a driver: a `mutex`, which is only write-locked, or an `rw_semaphore`.
///
/// In a race, the lock determines which of the sides can continue (``RaceSide``).
final class KernelLock: Sendable {
    let name: String
    private let lock = ReadWriteLock()
    /// How often each thread holds the lock for reading, and which one holds it for writing.
    private let holders = Locked<(readers: [pthread_t: Int], writer: pthread_t?)>(([:], nil))

    init(_ name: String) {
        self.name = name
    }

    /// Runs `body` with the lock held for reading.
    ///
    /// - Throws: `Errno.deadlocked` if the thread holds it for writing, or is on a deadlocked side of a race.
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

    /// Runs `body` with the lock held for writing.
    ///
    /// - Throws: `Errno.deadlocked` if the thread already holds the lock, or is on a deadlocked side of a race.
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

    /// Runs `body` for the model's own purposes, invisible to the simulated kernel. The thread must not hold the lock.
    func peek<Result>(_ body: () -> Result) -> Result { lock.read(body) }
}

/// A value protected by a ``KernelLock``.
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

    /// The value, for the model's own purposes. The thread must not hold the lock.
    var current: Value { lock.peek { value } }
}
