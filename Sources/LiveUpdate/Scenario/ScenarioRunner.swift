import Handover
import SystemPackage

extension Scenario {
    /// Plays the scenario to its end, or to the first step with an unmet expectation.
    ///
    /// - Parameters:
    ///   - handedOver: The memory handed to the first kernel; `nil` for none.
    ///   - stopsAtProblem: Whether the first step with an unmet expectation ends the run.
    public func run(from handedOver: HandedOver? = nil, stopsAtProblem: Bool = true) -> ScenarioReport {
        var report = ScenarioReport(scenario: self)
        do {
            var runner = ScenarioRunner(run: try ScenarioRun(self, handedOver), stopsAtProblem: stopsAtProblem)
            runner.play(&report)
        } catch {
            // Reading a scenario checks the release; this is for scenarios created in code.
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
    /// The steps performed since the kernel booted.
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

    /// Messages for operations that should have failed in the kernel that ends here, but were not called. Excludes
    /// those from boot steps, as not every kernel needs to call them.
    private func problems(withPending faults: Faults) -> [String] {
        let inBoot = Set(run.scenario.boot.compactMap(\.fault))
        return faults.pending.subtracting(inBoot).map {
            "\($0.operation.rawValue) of \($0.name) was to fail, and was not called"
        }
        .sorted()
    }

    /// Whether the state of this kernel depends on an order of events.
    private var hasRaced: Bool { history.contains(where: \.isRace) }

    /// Performs the boot steps if a kernel has just booted.
    private mutating func playBoot(_ report: inout ScenarioReport) -> Bool {
        guard run.hasBooted else { return true }
        run.hasBooted = false
        history = []
        guard run.kernel.isRunning else { return true }
        return run.scenario.boot.allSatisfy { play($0, number: nil, &report) }
    }

    /// - Returns: Whether all expectations were met.
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
        // Another kernel has other owners, and after a race, owners depend on its outcome.
        let moves = run.hasBooted || race != nil ? [] : ScenarioReport.OwnerMove.moves(from: owners, to: run.owners)
        report.entries.append(
            ScenarioReport.Entry(
                number: number, kernel: release, isBoot: number == nil, hasBooted: run.hasBooted,
                isRunning: run.kernel.isRunning, step: step, sentence: step.sentence,
                note: step.note, events: events, result: result, counts: run.counts,
                owners: run.owners, problems: problems, race: race, moves: moves))
        return problems.isEmpty || !stopsAtProblem
    }

    /// Plays a race, and continues with the first interleaving that has a problem, or else with the first one.
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
            // Do not count interleavings that were abandoned as equal to another one.
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
    /// The step's own unmet expectations.
    ///
    /// - Parameter mayGiveAnything: Whether to allow any result if the step does not state one.
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
    /// The unmet expectations after a step with these events.
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
    /// The call reported by the event, in the form that steps expect: `name operation`, and the error.
    func call(of subject: Callback.Subject) -> String? {
        guard case .callback(let call) = self, call.subject == subject else { return nil }
        return "\(call.name) \(call.operation.rawValue)" + (call.error.map { ": \($0.kernelName)" } ?? "")
    }
}
