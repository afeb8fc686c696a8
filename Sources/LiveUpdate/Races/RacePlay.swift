import SystemPackage

/// One interleaving of a race.
struct RacePlay: Sendable {
    /// The results of each side's steps, up to one that deadlocks.
    var results: [[ScenarioResult?]]
    /// The objects that the steps got, `none` for `NULL`; `nil` for steps that do not get one.
    var objects: [[String?]]
    var trace: [RaceMoment]
    /// The sides in the order in which they ran.
    var order: [Int]
    /// The state after the play.
    var run: ScenarioRun

    /// Plays steps concurrently.
    ///
    /// - Parameter choose: Selects the side to run next; `nil` abandons the play.
    /// - Returns: `nil` if the play was abandoned.
    static func play(
        _ sides: [[ScenarioStep]], in run: ScenarioRun,
        _ choose: ([Int: RaceAccess], RaceScheduler) throws -> Int?
    ) throws -> RacePlay? {
        let scheduler = RaceScheduler(count: sides.count)
        let players = sides.map { RacePlayer($0, run) }
        scheduler.start(
            players.enumerated().map { side, player in { player.play { scheduler.begin($0, of: side) } } })
        var order: [Int] = []
        var isGivenUp = false
        var failure: (any Error)?
        withoutActuallyEscaping(choose) { choose in
            scheduler.play {
                let enabled = scheduler.enabled
                if enabled.isEmpty { return nil }
                do {
                    guard let side = try choose(enabled, scheduler) else {
                        isGivenUp = true
                        return nil
                    }
                    order.append(side)
                    return side
                } catch {
                    failure = error
                    return nil
                }
            }
        }
        let reached = players.map(\.results.count)
        scheduler.end()
        if let failure { throw failure }
        if isGivenUp { return nil }
        guard zip(players, sides).allSatisfy({ $0.results.count == $1.count }) else {
            throw ScenarioProblem("no thread for a side")
        }
        if !scheduler.deadlocked.isEmpty { run.kernel.fail(.deadlocked) }
        return RacePlay(
            results: players.enumerated().map { side, player in
                guard scheduler.deadlocked.contains(side) else { return player.results }
                return player.results.prefix(reached[side]) + [.errno(.deadlocked)]
            },
            objects: players.map(\.objects), trace: scheduler.trace, order: order, run: run.merging(players.map(\.run)))
    }

    /// The events of a step.
    func events(of step: Int, side: Int) -> [Event] {
        var current = -1
        return trace.compactMap { moment -> Event? in
            switch moment {
            case .step(side, let number): current = number
            case .event(side, let event) where current == step: return event
            default: break
            }
            return nil
        }
    }

    var events: [Event] {
        trace.compactMap { if case .event(_, let event) = $0 { event } else { nil } }
    }
}

/// Performs the steps of one side.
private final class RacePlayer: @unchecked Sendable {
    // Used only by the side's thread, until that has ended or waits for its turn.
    private let steps: [ScenarioStep]
    private(set) var run: ScenarioRun
    private(set) var results: [ScenarioResult?] = []
    private(set) var objects: [String?] = []

    init(_ steps: [ScenarioStep], _ run: ScenarioRun) {
        self.steps = steps
        self.run = run
    }

    func play(_ begin: (Int) -> Void) {
        for (index, step) in steps.enumerated() {
            begin(index)
            results.append(run.perform(step))
            objects.append(run.lastObject)
        }
    }
}

/// The sequence of sides with their numbers of turns, as in `3A 2B A`: a scenario's `schedule`.
struct RaceSchedule: Hashable {
    let order: [Int]

    init(_ order: [Int]) {
        self.order = order
    }

    /// - Returns: `nil` if the text is not a schedule.
    init?(_ text: String) {
        var order: [Int] = []
        for word in text.split(separator: " ") {
            guard let letter = word.last, let side = Self.letters.firstIndex(of: letter) else { return nil }
            let count = word.count == 1 ? 1 : Int(word.dropLast()) ?? 0
            guard (1...100_000).contains(count) else { return nil }
            order += Array(repeating: side, count: count)
        }
        self.order = order
    }

    static let letters = Array("ABCDEFGH")

    var text: String {
        var words: [(side: Int, count: Int)] = []
        for side in order {
            if let last = words.last, last.side == side {
                words[words.count - 1].count += 1
            } else {
                words.append((side, 1))
            }
        }
        return words.map { ($0.count == 1 ? "" : "\($0.count)") + String(Self.letters[$0.side]) }.joined(separator: " ")
    }
}
