import Glibc
import SystemPackage

/// Lets the sides of a race go on, one at a time, each to its next point.
///
/// Whoever owns it calls ``start(_:)``, ``play(_:)`` and ``end()``.
final class RaceScheduler: @unchecked Sendable {
    // All of it is touched by one thread at a time: by that of the side whose turn it is, or by the owner's.
    private let turns: [Signal]
    private let ownersTurn = Signal()
    private var pending: [RaceAccess?]
    private var isFinished: [Bool]
    /// How often each side holds each lock: as a reader, and as a writer.
    private var holders: [String: [Int: (reads: Int, writes: Int)]] = [:]
    private var stack: [Int: [(lock: String, isWrite: Bool)]] = [:]
    /// What says which side goes on; `nil` when none does.
    private var choose: (() -> Int?)?
    /// Whether sides run to their ends without waiting, as the race has been given up or hangs.
    private var isGivenUp = false
    /// The sides that wait for ever.
    private(set) var deadlocked: Set<Int> = []
    /// What has happened, in order.
    private(set) var trace: [RaceMoment] = []
    private var threads: [pthread_t] = []

    init(count: Int) {
        turns = (0..<count).map { _ in Signal() }
        pending = Array(repeating: nil, count: count)
        isFinished = Array(repeating: false, count: count)
    }

    /// Starts a thread for each side, and lets each go to its first point.
    func start(_ bodies: [@Sendable () -> Void]) {
        for (index, body) in bodies.enumerated() {
            let side = RaceSide(index, self)
            let thread = spawn { [self] in
                turns[index].wait()
                RaceSide.$current.withValue(side, operation: body)
                isFinished[index] = true
                nextTurn().give()
            }
            // Without a thread there is no side: it has nothing to say.
            if let thread { threads.append(thread) } else { isFinished[index] = true }
        }
        var sides = turns.indices.filter { !isFinished[$0] }[...]
        play { sides.popFirst() }
    }

    /// What each side that can go on does next.
    var enabled: [Int: RaceAccess] {
        var enabled: [Int: RaceAccess] = [:]
        for (side, access) in pending.enumerated() {
            guard let access, !isFinished[side], canTake(access, side) else { continue }
            enabled[side] = access
        }
        return enabled
    }

    /// What keeps a side from going on.
    func obstacle(of side: Int) -> String {
        guard pending.indices.contains(side) else { return "there is no such side" }
        guard let access = pending[side], !isFinished[side] else { return "it has ended" }
        return "it waits for \(access.object)"
    }

    /// Lets sides go on, each to its next point, until `choose` names none.
    ///
    /// It is called on whatever thread has the turn, which goes on itself or wakes up the next: to wait for other
    /// threads takes much longer than all else.
    func play(_ choose: @escaping () -> Int?) {
        self.choose = choose
        let next = nextTurn()
        guard next !== ownersTurn else { return }
        next.give()
        ownersTurn.wait()
    }

    /// Whose turn it is when a side has come to its next point, or to its end.
    private func nextTurn() -> Signal {
        guard let next = choose?() else {
            choose = nil
            return ownersTurn
        }
        if let access = pending[next] { trace.append(.point(next, access)) }
        return turns[next]
    }

    /// Lets all sides run to their ends. Those that have not got there wait for ever if nothing else can happen, and
    /// all that they try to take gives `Errno.deadlocked`.
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

    /// Runs `body` in a thread.
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

/// What happens in a race, with the side that does it.
enum RaceMoment: Sendable {
    /// The side begins with a step, counted from 0.
    case step(Int, Int)
    /// The side takes a lock, or uses what is shared.
    case point(Int, RaceAccess)
    case event(Int, Event)
    /// The side waits for ever, for what these sides hold.
    case waits(Int, RaceAccess, [Int])
}

/// Something that one thread gives and another waits for.
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
