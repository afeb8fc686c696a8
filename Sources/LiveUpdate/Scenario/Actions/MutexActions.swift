import SystemPackage

/// The mutexes that drivers have beside the kernel's locks.
final class DriverMutexes: Sendable {
    private let held = Locked<Set<String>>([])

    /// - Throws: ``Errno/deadlocked`` if the mutex is held: outside of a race, by the same thread.
    func lock(_ name: String) throws(Errno) {
        let side = try RaceSide.acquire(label(name), isWrite: true)
        let isFree = held.withLock { $0.insert(name).inserted }
        guard isFree else {
            side?.release(label(name))
            throw .deadlocked
        }
    }

    /// - Returns: whether the mutex was held.
    func unlock(_ name: String) -> Bool {
        let wasHeld = held.withLock { $0.remove(name) != nil }
        RaceSide.current?.release(label(name))
        return wasHeld
    }

    private func label(_ name: String) -> String { "mutex \(name)" }
}

/// Takes a driver's own mutex.
struct LockMutex: ScenarioAction {
    static let verb = "lock"
    let mutex: String

    init(_ object: inout StrictObject) throws {
        mutex = try object.string("mutex", "the name of a driver's mutex")
    }

    var sentence: String { "lock mutex \(mutex)" }

    func perform(in run: inout ScenarioRun) throws {
        do throws(Errno) {
            try run.mutexes.lock(mutex)
        } catch {
            run.kernel.fail(error)
            throw error
        }
    }
}

struct UnlockMutex: ScenarioAction {
    static let verb = "unlock"
    let mutex: String

    init(_ object: inout StrictObject) throws {
        mutex = try object.string("mutex", "the name of a driver's mutex")
    }

    var sentence: String { "unlock mutex \(mutex)" }

    func perform(in run: inout ScenarioRun) throws {
        guard run.mutexes.unlock(mutex) else { throw ScenarioProblem("mutex \(mutex) is not locked") }
    }
}
