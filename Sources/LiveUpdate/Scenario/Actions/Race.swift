import SystemPackage

extension ActionForm {
    static let race = ActionForm("race", isCall: false, canRace: false) { ScenarioAction(try Race(&$0)) }
}

extension ScenarioAction {
    /// Plays one interleaving: that of the schedule, whose end leaves the rest to the sides in their order.
    init(_ race: Race) {
        self.init(race.sentence, .race(race)) { $0 = try race.play(in: $0).run }
    }
}

/// Plays steps concurrently: in all interleavings, or in one.
struct Race: Sendable {
    let sides: [[ScenarioStep]]
    /// The outcomes that are allowed, each of which comes about; `nil` if the steps' own expectations say it all.
    let outcomes: [RaceExpectation]?
    /// The one interleaving to play.
    var schedule: RaceSchedule?

    init(_ object: inout StrictObject) throws {
        let parts = try object.array("sides", "for each side its steps; two to eight", of: RaceSteps.self)
        outcomes = try object.optional("outcomes", "the outcomes that come about")
        let schedule = try object.optionalString("schedule", "which side goes on how often, to play just that")
        sides = parts.map(\.steps)
        if let schedule {
            guard let schedule = RaceSchedule(schedule) else {
                throw object.error(at: "schedule", "\"\(schedule)\" is no schedule; \"3A 2B A\" is one")
            }
            self.schedule = schedule
        }
        guard !object.isDescription else { return }
        guard (2...RaceSchedule.letters.count).contains(sides.count), parts.allSatisfy({ $0.count > 0 }) else {
            throw object.error(at: "sides", "a race has two to \(RaceSchedule.letters.count) sides, each with steps")
        }
        for outcome in outcomes ?? [] {
            for given in [outcome.results?.count, outcome.calls?.count, outcome.fileCalls?.count] {
                guard let given, given != sides.count else { continue }
                throw object.error(at: "outcomes", "\(given) sides in an outcome of a race of \(sides.count)")
            }
        }
    }

    var sentence: String {
        "race "
            + sides.enumerated().map { side, steps in
                "\(RaceSchedule.letters[side]): \(steps.map(\.sentence).joined(separator: ", then "))"
            }.joined(separator: "; ")
    }

    /// Makes ready what sides take for given.
    func prepare(_ run: inout ScenarioRun) throws {
        run.makeAll()
        var needsDevice = false
        for step in sides.joined() {
            switch step.action.kind {
            case .device: return
            case .session, .sessions: needsDevice = true
            default: break
            }
        }
        if needsDevice { _ = try run.device() }
    }

    /// Plays the interleaving of the schedule.
    func play(in run: ScenarioRun) throws -> RacePlay {
        var run = run
        try prepare(&run)
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

/// The steps of one side.
struct RaceSteps: Decodable {
    let steps: [ScenarioStep]
    /// How many there are, those that make no sense included.
    let count: Int

    init(from decoder: any Decoder) throws {
        let elements = try [ScenarioElement<ScenarioStep>](from: decoder)
        for (index, element) in elements.enumerated() {
            guard let step = element.value, let problem = Self.problem(with: step) else { continue }
            try ScenarioProblems.note(StrictObject.error(decoder.codingPath + [ScenarioKey(intValue: index)], problem))
        }
        steps = elements.compactMap(\.value)
        count = elements.count
    }

    private static func problem(with step: ScenarioStep) -> String? {
        if !step.form.canRace {
            return "\"\(step.form.verb)\" cannot be on a side of a race; do it before, or after"
        }
        if !step.state.isEmpty {
            return "counts, owners and warnings hang on the other sides, too: expect them of the race"
        }
        return nil
    }
}

/// An expected outcome of a race, as far as it matters.
struct RaceExpectation: Decodable, ScenarioPart, Sendable {
    /// For each side what its steps give.
    let results: [[Errno?]]?
    /// For each side the operations of FLBs, and of handlers, that it calls.
    let calls: [[String]]?
    let fileCalls: [[String]]?
    let state: ExpectedState
    let note: String?

    init(from decoder: any Decoder) throws {
        var object = try StrictObject(decoder, "an outcome", of: Self.self)
        try self.init(&object)
    }

    init(_ object: inout StrictObject) throws {
        note = try object.optionalString("note", "a remark")
        let names = try object.optional("gives", "for each side what its step gives, or a list", as: [ResultNames].self)
        results = try names?.map { try ScenarioStep.results($0, object) }
        calls = try object.optional("calls", "for each side names and operations of FLBs")
        fileCalls = try object.optional("file_calls", "for each side names and operations of handlers")
        state = try ExpectedState(&object)
    }
}
