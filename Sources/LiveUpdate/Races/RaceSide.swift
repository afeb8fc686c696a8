import SystemPackage

/// One side of a race: steps in their own thread, which runs from point to point under the scheduler's control.
///
/// A point is where a side can interact with the others: where it takes a lock, or accesses something shared without
/// one. Between points a side runs alone, which is equivalent to running concurrently.
final class RaceSide: Sendable {
    /// The side of the current thread; `nil` outside races.
    @TaskLocal static var current: RaceSide?

    let index: Int
    private let scheduler: RaceScheduler

    init(_ index: Int, _ scheduler: RaceScheduler) {
        self.index = index
        self.scheduler = scheduler
    }

    /// Waits until this thread's side, if any, can take a lock.
    ///
    /// - Returns: The side, to release the lock.
    /// - Throws: `Errno.deadlocked` if that will never happen.
    static func acquire(_ lock: String, isWrite: Bool) throws(Errno) -> RaceSide? {
        guard let side = current else { return nil }
        try side.scheduler.wait(side.index, at: RaceAccess(object: lock, isWrite: isWrite, isLock: true))
        return side
    }

    func release(_ lock: String) {
        scheduler.release(lock, of: index)
    }

    /// Announces that this thread is about to access something that sides share without a lock.
    static func use(_ object: @autoclosure () -> String, isWrite: Bool = true) {
        guard let side = current else { return }
        // An abandoned side runs to its end, and the error does not matter.
        try? side.scheduler.wait(side.index, at: RaceAccess(object: object(), isWrite: isWrite, isLock: false))
    }

    /// Records an event of this thread's side.
    ///
    /// - Returns: Whether the thread is a side.
    static func record(_ event: Event) -> Bool {
        guard let side = current else { return false }
        side.scheduler.record(event, of: side.index)
        return true
    }
}

/// The next access of a side.
struct RaceAccess: Hashable, Sendable {
    /// The name of a lock or shared object.
    let object: String
    let isWrite: Bool
    let isLock: Bool

    /// Whether the order of the two makes no difference.
    func commutes(with other: RaceAccess) -> Bool {
        object != other.object || !isWrite && !other.isWrite
    }
}
