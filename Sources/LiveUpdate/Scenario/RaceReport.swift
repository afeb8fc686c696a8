import SystemPackage

/// The result of a race: the number of interleavings, and their outcomes.
public struct RaceReport: Sendable {
    /// The number of interleavings played.
    public private(set) var count = 0
    /// Whether all interleavings were played.
    public internal(set) var isComplete = true
    /// The outcomes, in the order in which they first occurred.
    public private(set) var outcomes: [(outcome: RaceOutcome, count: Int, schedule: String)] = []
    /// The unmet expectations.
    public private(set) var problems: [String] = []

    let race: ScenarioStep
    /// The first interleaving with a problem, or else the first one.
    private(set) var shown: RacePlay?
    private var seen: Set<Int> = []

    init(_ race: ScenarioStep) {
        self.race = race
    }

    /// The events of the interleaving shown.
    public var events: [Event] { shown?.events ?? [] }

    /// The schedule of the interleaving shown: set the race's `schedule` to it to play it again.
    public var schedule: String { RaceSchedule(shown?.order ?? []).text }

    /// The trace of the interleaving shown, line by line.
    var trace: [String] { shown?.trace.compactMap { $0.line(race) } ?? [] }

    /// Adds the outcome of an interleaving.
    mutating func add(_ play: RacePlay) {
        count += 1
        let outcome = RaceOutcome(play)
        if let index = outcomes.firstIndex(where: { $0.outcome == outcome }) {
            outcomes[index].count += 1
        } else {
            outcomes.append((outcome, 1, RaceSchedule(play.order).text))
        }
        let found = problems(with: play, outcome)
        if shown == nil || problems.isEmpty && !found.isEmpty { shown = play }
        if problems.isEmpty { problems = found }
    }

    /// Reports expected outcomes that never occurred.
    mutating func end() {
        if !isComplete {
            problems.append(
                "there are over \(count) interleavings, of which as many were played: give the sides fewer steps, "
                    + "files or FLBs")
        }
        guard problems.isEmpty, race.schedule == nil else { return }
        for index in (race.outcomes ?? []).indices where !seen.contains(index) {
            problems.append("outcome \(index + 1) never comes about")
        }
    }

    private mutating func problems(with play: RacePlay, _ outcome: RaceOutcome) -> [String] {
        var problems: [String] = []
        for (side, results) in play.results.enumerated() {
            for (index, result) in results.enumerated() {
                let events = play.events(of: index, side: side)
                let found = race.sides[side][index].problems(
                    with: result, events, of: play.run.scenario, mayGiveAnything: race.outcomes != nil)
                let name = "\(RaceSchedule.letters[side])" + (race.sides[side].count > 1 ? ", step \(index + 1)" : "")
                problems += found.map { "\(name): \($0)" }
            }
        }
        problems += race.state.problems(with: play.run, play.events)
        guard let expected = race.outcomes else { return problems }
        let right = expected.indices.filter { expected[$0].allows(outcome, race, play) }
        seen.formUnion(right)
        if right.isEmpty { problems.append("an outcome that is not expected: \(outcome)") }
        return problems
    }

    /// The report, line by line.
    var lines: [String] {
        let head = race.schedule == nil ? (isComplete ? "" : "over ") + "\(count) interleavings" : "one interleaving"
        var lines = [
            count == 1 && race.schedule == nil
                ? "1 interleaving" : "\(head), \(outcomes.count) outcome\(outcomes.count == 1 ? "" : "s")"
        ]
        lines += outcomes.map { "\($0.count) × \($0.outcome); schedule \($0.schedule)" }
        guard shown != nil, !problems.isEmpty || race.schedule != nil else { return lines }
        if race.schedule == nil { lines.append("the first that is not as expected has schedule \(schedule):") }
        return lines + trace
    }
}

/// The outcome of an interleaving, as far as it matters. Of interleavings with equal outcomes, one is shown.
public struct RaceOutcome: Hashable, Sendable {
    /// The results of each side's steps, with the objects that they get.
    let results: [[String]]
    /// The operations that each side calls.
    let flbCalls: [[String]]
    let handlerCalls: [[String]]
    let counts: [ScenarioReport.Count]
    let owners: [ScenarioReport.Owner]
    let warnings: [String]

    init(_ play: RacePlay) {
        results = zip(play.results, play.objects).map { results, objects in
            zip(results, objects + [nil]).map { result, object in
                result.name + (object.map { " with object \($0)" } ?? "")
            }
        }
        let sides = play.results.indices.map { side in
            play.trace.compactMap { moment -> Event? in
                if case .event(side, let event) = moment { event } else { nil }
            }
        }
        flbCalls = sides.map { $0.compactMap { $0.call(of: .flb) } }
        handlerCalls = sides.map { $0.compactMap { $0.call(of: .handler) } }
        counts = play.run.counts
        owners = play.run.owners
        warnings = play.events.compactMap { if case .warning(let text) = $0 { text } else { nil } }.sorted()
    }
}

extension Optional where Wrapped == ScenarioResult {
    /// The name used in scenarios.
    fileprivate var name: String {
        switch self {
        case nil: ScenarioReport.ok
        case .errno(let errno): errno.kernelName
        case .problem(let text, _): text
        }
    }
}

extension RaceOutcome: CustomStringConvertible {
    public var description: String {
        var parts = results.indices.map { side in
            let calls = flbCalls[side] + handlerCalls[side].filter { $0.contains(":") }
            return "\(RaceSchedule.letters[side]) \(results[side].joined(separator: ", "))"
                + (calls.isEmpty ? "" : " (\(calls.joined(separator: ", ")))")
        }
        for count in counts {
            if count.outgoing != 0 { parts.append("outgoing \(count.flb) \(count.outgoing)") }
            if count.incoming != 0 { parts.append("incoming \(count.flb) \(count.incoming)") }
        }
        let held = owners.filter { $0.references != 0 }.map { "\($0.name) \($0.references)" }
        if !held.isEmpty { parts.append("references \(held.joined(separator: ", "))") }
        parts += warnings.map { Event.warning($0).description }
        return parts.joined(separator: "; ")
    }
}

extension RaceExpectation {
    /// Whether this outcome describes an interleaving with the given outcome.
    fileprivate func allows(_ outcome: RaceOutcome, _ race: ScenarioStep, _ play: RacePlay) -> Bool {
        let found = play.results.map { $0.map(\.name) }
        if let results {
            let names = results.map { $0.map { $0?.kernelName ?? ScenarioReport.ok } }
            guard names == found else { return false }
        } else {
            guard found.joined().allSatisfy({ $0 == ScenarioReport.ok }) else { return false }
        }
        for (expected, found, subject) in [
            (calls, outcome.flbCalls, Event.Callback.Subject.flb), (fileCalls, outcome.handlerCalls, .handler),
        ] {
            guard let expected else { continue }
            guard zip(found, expected).allSatisfy({ play.run.scenario.areCalls($0, $1, of: subject) }) else {
                return false
            }
        }
        return state.problems(with: play.run, play.events).isEmpty
    }
}

extension RaceMoment {
    /// One line of the trace; `nil` if there is nothing to show.
    fileprivate func line(_ race: ScenarioStep) -> String? {
        switch self {
        case .step(let side, let step):
            return "\(RaceSchedule.letters[side]): \(race.sides[side][step].sentence)"
        case .point(let side, let access):
            guard access.isLock else { return nil }
            return "\(RaceSchedule.letters[side]) takes \(access.object)"
        case .event(let side, let event): return "\(RaceSchedule.letters[side]) \(event)"
        case .waits(let side, let access, let holders):
            let others = holders.map { $0 == side ? "itself" : String(RaceSchedule.letters[$0]) }
            let letter = RaceSchedule.letters[side]
            return "\(letter) waits for ever for \(access.object), held by \(others.joined(separator: " and "))"
        }
    }
}
