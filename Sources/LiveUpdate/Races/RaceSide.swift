import SystemPackage

/// One side of a race: steps in a thread of their own, which goes on from point to point as the scheduler lets it.
///
/// A point is where what comes next can meet the other sides: the taking of a lock, or a use of something that is
/// shared without one. From one point to the next a side runs alone, which is as good as at the same time.
final class RaceSide: Sendable {
    /// The side that this thread is; `nil` outside of races.
    @TaskLocal static var current: RaceSide?

    let index: Int
    private let scheduler: RaceScheduler

    init(_ index: Int, _ scheduler: RaceScheduler) {
        self.index = index
        self.scheduler = scheduler
    }

    /// Waits until this thread's side, if it is one, can take a lock.
    ///
    /// - Returns: the side, to release the lock.
    /// - Throws: `Errno.deadlocked` if that will never be.
    static func acquire(_ lock: String, isWrite: Bool) throws(Errno) -> RaceSide? {
        guard let side = current else { return nil }
        try side.scheduler.wait(side.index, at: RaceAccess(object: lock, isWrite: isWrite, isLock: true))
        return side
    }

    func release(_ lock: String) {
        scheduler.release(lock, of: index)
    }

    /// Says that this thread is about to use something that sides share without a lock.
    static func use(_ object: @autoclosure () -> String, isWrite: Bool = true) {
        guard let side = current else { return }
        // A side that is given up runs to its end, and nobody looks.
        try? side.scheduler.wait(side.index, at: RaceAccess(object: object(), isWrite: isWrite, isLock: false))
    }

    /// Takes down an event of this thread's side.
    ///
    /// - Returns: whether it is one.
    static func record(_ event: Event) -> Bool {
        guard let side = current else { return false }
        side.scheduler.record(event, of: side.index)
        return true
    }
}

/// What a side does next.
struct RaceAccess: Hashable, Sendable {
    /// The name of a lock, or of what is shared.
    let object: String
    let isWrite: Bool
    let isLock: Bool

    /// Whether it makes no difference which of the two is first.
    func commutes(with other: RaceAccess) -> Bool {
        object != other.object || !isWrite && !other.isWrite
    }
}
