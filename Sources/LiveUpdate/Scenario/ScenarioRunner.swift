import Handover
import SystemPackage

extension Scenario {
    /// Plays the scenario, to its end or to the first step that does not get what it expects.
    ///
    /// - Parameters:
    ///   - handedOver: what the first kernel is handed; nothing if this is `nil`.
    ///   - stopsAtProblem: whether the first step that does not get what it expects ends the run.
    public func run(from handedOver: HandedOver? = nil, stopsAtProblem: Bool = true) -> ScenarioReport {
        var report = ScenarioReport(scenario: self)
        do {
            var runner = ScenarioRunner(run: try ScenarioRun(self, handedOver), stopsAtProblem: stopsAtProblem)
            runner.play(&report)
        } catch {
            // The kernel's release was checked when the scenario was read; whoever made it otherwise is told.
            report.entries.append(
                ScenarioReport.Entry(
                    kernel: kernel, isBoot: false, sentence: "boot", events: [], problems: ["\(error)"]))
        }
        return report
    }
}

/// Performs the steps of a scenario, and checks the results against expectations.
private struct ScenarioRunner {
    var run: ScenarioRun
    let stopsAtProblem: Bool
    /// What has been done since the kernel came up.
    private var history: [ScenarioStep] = []

    init(run: ScenarioRun, stopsAtProblem: Bool) {
        self.run = run
        self.stopsAtProblem = stopsAtProblem
    }

    mutating func play(_ report: inout ScenarioReport) {
        defer { report.images = run.images }
        report.entries.append(
            ScenarioReport.Entry(
                kernel: run.kernel.configuration.release, isBoot: false, hasBooted: true,
                sentence: "switch the machine on", events: run.journal.take(), problems: []))
        guard playBoot(&report) else { return }
        for (index, step) in run.scenario.steps.enumerated() {
            let faults = run.faults
            guard play(step, number: index + 1, &report) else { return }
            let isEnd = run.hasBooted || index == run.scenario.steps.count - 1 && run.kernel.isRunning
            if isEnd, !hasRaced, let last = report.entries.indices.last {
                report.entries[last].problems += problems(withPending: faults)
                if stopsAtProblem, !report.entries[last].problems.isEmpty { return }
            }
            guard playBoot(&report) else { return }
        }
    }

    /// What was to fail in the kernel that ends here, and was not called. What every kernel does may meet one or
    /// another.
    private func problems(withPending faults: Faults) -> [String] {
        let inBoot = Set(run.scenario.boot.compactMap(\.fault))
        return faults.pending.subtracting(inBoot).map {
            "\($0.operation.rawValue) of \($0.name) was to fail, and was not called"
        }
        .sorted()
    }

    /// Whether what this kernel has done hangs on an order of events.
    private var hasRaced: Bool { history.contains(where: \.isRace) }

    /// Does what every kernel does when it has come up, if one has.
    private mutating func playBoot(_ report: inout ScenarioReport) -> Bool {
        guard run.hasBooted else { return true }
        run.hasBooted = false
        history = []
        guard run.kernel.isRunning else { return true }
        return run.scenario.boot.allSatisfy { play($0, number: nil, &report) }
    }

    /// - Returns: whether all was as expected.
    private mutating func play(_ step: ScenarioStep, number: Int?, _ report: inout ScenarioReport) -> Bool {
        let release = run.kernel.configuration.release
        let owners = run.owners
        let result: ScenarioResult?
        let events: [Event]
        var problems: [String]
        var race: RaceReport?
        if step.isRace {
            let found = play(step)
            (result, events, race) = (found.result, found.report?.events ?? [], found.report)
            problems = found.report?.problems ?? []
            if case .problem(let text, _) = result { problems.append(text) }
            if case .errno(let errno) = result { problems.append("it gives \(errno.kernelName)") }
        } else {
            result = run.perform(step)
            history.append(step)
            events = run.journal.take()
            problems = step.problems(with: result, events, of: run.scenario) + step.state.problems(with: run, events)
        }
        // Owners of another kernel are others, and those of a race hang on how it ends.
        let moves = run.hasBooted || race != nil ? [] : ScenarioReport.OwnerMove.moves(from: owners, to: run.owners)
        report.entries.append(
            ScenarioReport.Entry(
                number: number, kernel: release, isBoot: number == nil, hasBooted: run.hasBooted,
                isRunning: run.kernel.isRunning, step: step, sentence: step.sentence,
                note: step.note, events: events, result: result, counts: run.counts,
                owners: run.owners, problems: problems, race: race, moves: moves))
        return problems.isEmpty || !stopsAtProblem
    }

    /// Plays a race, and leaves what its first interleaving does, or the first with a problem.
    private mutating func play(_ race: ScenarioStep) -> (report: RaceReport?, result: ScenarioResult?) {
        do {
            var report = RaceReport(race)
            if race.schedule != nil {
                report.add(try race.playRace(in: run))
            } else {
                try onOneProcessor { try explore(race, &report) }
            }
            report.end()
            guard let shown = report.shown else { throw ScenarioProblem("no interleaving was played") }
            run.continue(with: shown.run)
            var played = race
            played.schedule = RaceSchedule(shown.order)
            history.append(played)
            return (report, nil)
        } catch {
            return (nil, ScenarioResult(error))
        }
    }

    private func explore(_ race: ScenarioStep, _ report: inout RaceReport) throws {
        var exploration = RaceExploration()
        while true {
            var run = try run.anew()
            for step in history { _ = run.perform(step) }
            run.hasBooted = false
            try race.prepareRace(&run)
            _ = run.journal.take()
            // Half of an interleaving that is equal to another is none.
            if let play = try RacePlay.play(race.sides, in: run, { enabled, _ in exploration.choose(enabled) }) {
                guard report.count < run.scenario.interleavingLimit else {
                    report.isComplete = false
                    return
                }
                report.add(play)
            }
            switch exploration.next() {
            case .another: break
            case .again: report = RaceReport(race)
            case .nothing: return
            }
        }
    }
}

extension ScenarioStep {
    /// What of a step's own is not as expected.
    ///
    /// - Parameter mayGiveAnything: whether it is left to others what a step gives that does not say.
    func problems(
        with result: ScenarioResult?, _ events: [Event], of scenario: Scenario, mayGiveAnything: Bool = false
    ) -> [String] {
        var problems: [String] = []
        let expected = results ?? [nil]
        let isFree = results == nil && mayGiveAnything
        switch result {
        case .problem(let text, _): problems.append(text)
        case .errno(let errno):
            if !isFree, !expected.contains(errno) {
                problems.append("it gives \(errno.kernelName), not \(names(of: expected))")
            }
        case nil:
            if !isFree, !expected.contains(nil) {
                problems.append("it succeeds, and should give \(names(of: expected))")
            }
        }
        for (expected, subject) in [(calls, Event.Callback.Subject.flb), (fileCalls, .handler)] {
            guard let expected else { continue }
            let found = events.compactMap { $0.call(of: subject) }
            if !scenario.areCalls(found, expected, of: subject) {
                problems.append(
                    "it calls [\(found.joined(separator: ", "))], not [\(expected.joined(separator: ", "))]")
            }
        }
        return problems
    }

    private func names(of results: [Errno?]) -> String {
        results.map { $0?.kernelName ?? ScenarioReport.ok }.joined(separator: " or ")
    }
}

extension ExpectedState {
    /// What is not as expected after a step in which `events` happened.
    func problems(with run: ScenarioRun, _ events: [Event]) -> [String] {
        var problems: [String] = []
        let counts = run.counts
        for (direction, expectations) in [(Event.Direction.outgoing, outgoing), (.incoming, incoming)] {
            for (name, expected) in expectations.sorted(by: { $0.key < $1.key }) {
                let count = counts.first { $0.flb == name }
                let found = (direction == .outgoing ? count?.outgoing : count?.incoming) ?? 0
                if found != expected {
                    problems.append("the \(direction.rawValue) count of \(name) is \(found), not \(expected)")
                }
            }
        }
        for owner in run.owners {
            guard let expected = owners[owner.name], expected != owner.references else { continue }
            problems.append("the owner of \(owner.name) has \(owner.references) references, not \(expected)")
        }
        if let preserved, run.preservedCount != preserved {
            problems.append("\(run.preservedCount) blocks of memory are preserved, not \(preserved)")
        }
        if let unclaimed, run.unclaimedCount != unclaimed {
            problems.append("nobody has taken over \(run.unclaimedCount) blocks of preserved memory, not \(unclaimed)")
        }
        if let warnings {
            let found = events.compactMap { if case .warning(let text) = $0 { text } else { nil } }
            if found != warnings {
                let lists = (found.joined(separator: ", "), warnings.joined(separator: ", "))
                problems.append("it warns [\(lists.0)], not [\(lists.1)]")
            }
        }
        return problems
    }
}

extension Event {
    /// The call that the event is, as steps expect it: `name operation`, and what it failed with.
    func call(of subject: Callback.Subject) -> String? {
        guard case .callback(let call) = self, call.subject == subject else { return nil }
        return "\(call.name) \(call.operation.rawValue)" + (call.error.map { ": \($0.kernelName)" } ?? "")
    }
}
