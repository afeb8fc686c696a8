import SystemPackage

/// Mutexes of drivers, in addition to the kernel's locks.
final class DriverMutexes: Sendable {
    private let held = Locked<Set<String>>([])

    /// - Throws: `Errno.deadlocked` if the mutex is held: outside of a race, by the same thread.
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

extension ActionForm {
    static let mutexes = [
        ActionForm("lock") { object in
            let mutex = try mutex(&object)
            return ScenarioAction("lock mutex \(mutex)") { run in
                do throws(Errno) {
                    try run.mutexes.lock(mutex)
                } catch {
                    run.kernel.fail(error)
                    throw error
                }
            }
        },
        ActionForm("unlock") { object in
            let mutex = try mutex(&object)
            return ScenarioAction("unlock mutex \(mutex)") { run in
                guard run.mutexes.unlock(mutex) else { throw ScenarioProblem("mutex \(mutex) is not locked") }
            }
        },
    ]

    private static func mutex(_ object: inout StrictObject) throws -> String {
        try object.string("mutex", "the name of a driver's mutex")
    }
}
