import Glibc
import SystemPackage

/// Runs the sides of a race one at a time, each to its next point.
///
/// The owner calls ``start(_:)``, ``play(_:)`` and ``end()``.
final class RaceScheduler: @unchecked Sendable {
    // Everything is accessed by one thread at a time: that of the current side, or the owner's.
    private let turns: [Signal]
    private let ownersTurn = Signal()
    private var pending: [RaceAccess?]
    private var isFinished: [Bool]
    /// How often each side holds each lock, as a reader and as a writer.
    private var holders: [String: [Int: (reads: Int, writes: Int)]] = [:]
    private var stack: [Int: [(lock: String, isWrite: Bool)]] = [:]
    /// Selects the side to run next; `nil` when no side should run.
    private var choose: (() -> Int?)?
    /// Whether sides run to their ends without waiting, because the play is abandoned or deadlocked.
    private var isGivenUp = false
    /// The sides that are deadlocked.
    private(set) var deadlocked: Set<Int> = []
    /// The events so far, in order.
    private(set) var trace: [RaceMoment] = []
    private var threads: [pthread_t] = []

    init(count: Int) {
        turns = (0..<count).map { _ in Signal() }
        pending = Array(repeating: nil, count: count)
        isFinished = Array(repeating: false, count: count)
    }

    /// Starts a thread for each side, and runs each to its first point.
    func start(_ bodies: [@Sendable () -> Void]) {
        for (index, body) in bodies.enumerated() {
            let side = RaceSide(index, self)
            let thread = spawn { [self] in
                turns[index].wait()
                RaceSide.$current.withValue(side, operation: body)
                isFinished[index] = true
                nextTurn().give()
            }
            // Without a thread, the side counts as finished.
            if let thread { threads.append(thread) } else { isFinished[index] = true }
        }
        var sides = turns.indices.filter { !isFinished[$0] }[...]
        play { sides.popFirst() }
    }

    /// The next access of each side that can continue.
    var enabled: [Int: RaceAccess] {
        var enabled: [Int: RaceAccess] = [:]
        for (side, access) in pending.enumerated() {
            guard let access, !isFinished[side], canTake(access, side) else { continue }
            enabled[side] = access
        }
        return enabled
    }

    /// Describes why a side cannot continue.
    func obstacle(of side: Int) -> String {
        guard pending.indices.contains(side) else { return "no such side" }
        guard let access = pending[side], !isFinished[side] else { return "it has ended" }
        return "it waits for \(access.object)"
    }

    /// Runs sides, each to its next point, until `choose` returns `nil`.
    ///
    /// `choose` is called on the current thread, which then continues itself or wakes up the next one: switching
    /// threads takes much longer than everything else.
    func play(_ choose: @escaping () -> Int?) {
        self.choose = choose
        let next = nextTurn()
        guard next !== ownersTurn else { return }
        next.give()
        ownersTurn.wait()
    }

    /// The next turn when a side has reached its next point, or its end.
    private func nextTurn() -> Signal {
        guard let next = choose?() else {
            choose = nil
            return ownersTurn
        }
        if let access = pending[next] { trace.append(.point(next, access)) }
        return turns[next]
    }

    /// Runs all sides to their ends. If no side can continue, those that have not ended are deadlocked; every lock that
    /// they try to take throws `Errno.deadlocked`.
    func end() {
        if enabled.isEmpty {
            for (side, access) in pending.enumerated() where !isFinished[side] {
                deadlocked.insert(side)
                if let access { trace.append(.waits(side, access, holders[access.object, default: [:]].keys.sorted())) }
            }
        }
        isGivenUp = true
        for side in isFinished.indices { while !isFinished[side] { letGo(side) } }
        for thread in threads { pthread_join(thread, nil) }
        threads = []
    }

    // MARK: What sides call

    func wait(_ side: Int, at access: RaceAccess) throws(Errno) {
        if !isGivenUp {
            pending[side] = access
            let next = nextTurn()
            if next !== turns[side] {
                next.give()
                turns[side].wait()
            }
            pending[side] = nil
        }
        guard access.isLock else { return }
        if isGivenUp { throw .deadlocked }
        stack[side, default: []].append((access.object, access.isWrite))
        count(access.object, side, access.isWrite, 1)
    }

    func release(_ lock: String, of side: Int) {
        guard let index = stack[side]?.lastIndex(where: { $0.lock == lock }), let held = stack[side]?.remove(at: index)
        else { return }
        count(lock, side, held.isWrite, -1)
    }

    func record(_ event: Event, of side: Int) {
        if !isGivenUp { trace.append(.event(side, event)) }
    }

    func begin(_ step: Int, of side: Int) {
        if !isGivenUp { trace.append(.step(side, step)) }
    }

    // MARK: -

    private func letGo(_ side: Int) {
        turns[side].give()
        ownersTurn.wait()
    }

    private func count(_ lock: String, _ side: Int, _ isWrite: Bool, _ difference: Int) {
        var counts = holders[lock]?[side] ?? (0, 0)
        if isWrite { counts.writes += difference } else { counts.reads += difference }
        holders[lock, default: [:]][side] = counts == (0, 0) ? nil : counts
    }

    private func canTake(_ access: RaceAccess, _ side: Int) -> Bool {
        guard access.isLock else { return true }
        return holders[access.object, default: [:]].allSatisfy { access.isWrite ? false : $0.value.writes == 0 }
    }

    /// Runs `body` in a new thread.
    private func spawn(_ body: @escaping @Sendable () -> Void) -> pthread_t? {
        let box = Unmanaged.passRetained(Box(body))
        var thread = pthread_t()
        let result = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body()
                return nil
            }, box.toOpaque())
        guard result == 0 else {
            box.release()
            return nil
        }
        return thread
    }

    private final class Box: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
}

/// An event in a race, with the side that causes it.
enum RaceMoment: Sendable {
    /// The side begins a step, counted from 0.
    case step(Int, Int)
    /// The side takes a lock, or accesses something shared.
    case point(Int, RaceAccess)
    case event(Int, Event)
    /// The side is deadlocked on something held by these sides.
    case waits(Int, RaceAccess, [Int])
}

/// A signal that one thread gives and another waits for.
private final class Signal: @unchecked Sendable {
    private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    init() {
        sem_init(semaphore, 0, 0)
    }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    func give() {
        sem_post(semaphore)
    }

    func wait() {
        while sem_wait(semaphore) != 0 {}
    }
}
