import Handover
import SystemPackage

extension ActionForm {
    /// Plays several sides concurrently. Plays one interleaving, that of the schedule; after its end, the sides run in
    /// their order.
    static let race = ActionForm(
        "race", [.sides, .outcomes, .schedule], .race, canRace: false, complete: { $0.checkRace(&$1) },
        sentence: { race in
            "race "
                + race.sides.enumerated().map { side, steps in
                    "\(RaceSchedule.letters[side]): \(steps.map(\.sentence).joined(separator: ", then "))"
                }.joined(separator: "; ")
        },
        perform: { $1 = try $0.playRace(in: $1).run })
}

extension ScenarioStep {
    var isRace: Bool { action.kind == .race }

    /// Reports inconsistencies in a race.
    fileprivate func checkRace(_ reader: inout DocumentReader) {
        if !(2...RaceSchedule.letters.count).contains(sides.count) || sides.contains(where: \.isEmpty) {
            reader.note(at: ".sides", "a race has two to \(RaceSchedule.letters.count) sides, each with steps")
        }
        for (side, steps) in sides.enumerated() {
            for (index, step) in steps.enumerated() {
                let path = ".sides[\(side)][\(index)]"
                if !step.action.canRace {
                    reader.note(at: path, "\"\(step.verb)\" cannot be on a side of a race; do it before, or after")
                } else if step.state != ExpectedState() {
                    reader.note(
                        at: path, "counts, owners and warnings hang on the other sides, too: expect them of the race")
                }
            }
        }
        for (index, outcome) in (outcomes ?? []).enumerated() {
            for given in [outcome.results?.count, outcome.calls?.count, outcome.fileCalls?.count] {
                guard let given, given != sides.count else { continue }
                reader.note(at: ".outcomes[\(index)]", "\(given) sides in an outcome of a race of \(sides.count)")
            }
        }
    }

    /// Creates what the sides of the race require.
    func prepareRace(_ run: inout ScenarioRun) throws {
        run.makeAll()
        let kinds = Set(sides.joined().map(\.action.kind))
        // Sides that open or close the device get it in its current state.
        if !kinds.contains(.device), !kinds.isDisjoint(with: [.session, .sessions]) { _ = try run.device() }
    }

    /// Plays the interleaving of the race's schedule.
    func playRace(in run: ScenarioRun) throws -> RacePlay {
        var run = run
        try prepareRace(&run)
        var order = (schedule?.order ?? [])[...]
        var place = 0
        var last: Int?
        let play = try RacePlay.play(sides, in: run) { enabled, scheduler in
            defer { place += 1 }
            if let side = order.popFirst() {
                guard enabled[side] != nil else {
                    let reason = "\(RaceSchedule.letters[side]) cannot go on; \(scheduler.obstacle(of: side))"
                    throw ScenarioProblem("place \(place + 1) of the schedule: \(reason)")
                }
                last = side
            } else if last.flatMap({ enabled[$0] }) == nil {
                last = enabled.keys.min()
            }
            return last
        }
        guard let play else { throw ScenarioProblem("the race was not played") }
        return play
    }
}

/// An expected outcome of a race, as far as it matters.
struct RaceExpectation: DocumentObject, ExpectingState {
    /// The results of each side's steps.
    var results: [[Errno?]]?
    /// The operations of FLBs, and of handlers, that each side calls.
    var calls: [[String]]?
    var fileCalls: [[String]]?
    var state = ExpectedState()
    var note: String?

    static let form = ObjectForm<Self>(
        "outcome", "an outcome of a race", compact: true,
        [
            .ifKnown("note", \.note, "a remark"),
            .ifKnown(
                "gives", \.results, ArrayCodec(OneOrMoreCodec(Errno.resultCodec)),
                "for each side what its step gives, or a list"),
            .ifKnown("calls", \.calls, "for each side names and operations of FLBs"),
            .ifKnown("file_calls", \.fileCalls, "for each side names and operations of handlers"),
        ] + ObjectForm.Member.ofState)
}
