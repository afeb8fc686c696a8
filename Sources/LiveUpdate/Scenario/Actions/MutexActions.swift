import SystemPackage

/// Mutexes of drivers, in addition to the kernel's locks.
final class DriverMutexes: Sendable {
    private let held = Locked<Set<String>>([])

    /// - Throws: `Errno.deadlocked` if the mutex is held; outside of a race, its holder is the same thread.
    func lock(_ name: String) throws(Errno) {
        let side = try RaceSide.acquire(label(name), isWrite: true)
        let isFree = held.withLock { $0.insert(name).inserted }
        guard isFree else {
            side?.release(label(name))
            throw .deadlocked
        }
    }

    /// - Returns: Whether the mutex was held.
    func unlock(_ name: String) -> Bool {
        let wasHeld = held.withLock { $0.remove(name) != nil }
        RaceSide.current?.release(label(name))
        return wasHeld
    }

    private func label(_ name: String) -> String { "mutex \(name)" }
}

extension ActionForm {
    static let mutexes = [
        ActionForm("lock", [.mutex]) {
            "lock mutex \($0.mutex)"
        } perform: { step, run in
            do throws(Errno) {
                try run.mutexes.lock(step.mutex)
            } catch {
                run.kernel.fail(error)
                throw error
            }
        },
        ActionForm("unlock", [.mutex]) {
            "unlock mutex \($0.mutex)"
        } perform: { step, run in
            guard run.mutexes.unlock(step.mutex) else { throw ScenarioProblem("mutex \(step.mutex) is not locked") }
        },
    ]
}
