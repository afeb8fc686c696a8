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

/// Does the steps of a scenario, and holds what came of each against what it expects.
private struct ScenarioRunner {
    var run: ScenarioRun
    let stopsAtProblem: Bool

    mutating func play(_ report: inout ScenarioReport) {
        defer { report.images = run.images }
        report.entries.append(
            ScenarioReport.Entry(
                kernel: run.kernel.configuration.release, isBoot: false, hasBooted: true,
                sentence: "switch the machine on", events: run.journal.take(), problems: []))
        guard playBoot(&report) else { return }
        for (index, step) in run.scenario.steps.enumerated() {
            guard play(step, number: index + 1, &report), playBoot(&report) else { return }
        }
    }

    /// Does what every kernel does when it has come up, if one has.
    private mutating func playBoot(_ report: inout ScenarioReport) -> Bool {
        guard run.hasBooted else { return true }
        run.hasBooted = false
        guard run.kernel.isRunning else { return true }
        return run.scenario.boot.allSatisfy { play($0, number: nil, &report) }
    }

    /// - Returns: whether all was as expected.
    private mutating func play(_ step: ScenarioStep, number: Int?, _ report: inout ScenarioReport) -> Bool {
        var result: ScenarioResult?
        let release = run.kernel.configuration.release
        do {
            try step.action.perform(in: &run)
        } catch let error as Errno {
            result = .errno(error)
        } catch let error as ScenarioProblem {
            result = .problem(error.text, errno: error.errno)
        } catch {
            result = .problem("\(error)", errno: nil)
        }
        run.lastResult = result
        let events = run.journal.take()
        let problems = problems(with: step, result, events)
        report.entries.append(
            ScenarioReport.Entry(
                number: number, kernel: release, isBoot: number == nil, hasBooted: run.hasBooted,
                isRunning: run.kernel.isRunning, action: step.action,
                sentence: step.sentence, note: step.note, events: events, result: result, counts: run.counts,
                owners: run.owners, problems: problems))
        return problems.isEmpty || !stopsAtProblem
    }

    private mutating func problems(
        with step: ScenarioStep, _ result: ScenarioResult?, _ events: [Event]
    ) -> [String] {
        var problems: [String] = []
        switch result {
        case .problem(let text, _): problems.append(text)
        case .errno(let errno):
            if !step.results.contains(errno) {
                problems.append("it gives \(errno.kernelName), not \(names(of: step.results))")
            }
        case nil:
            if !step.results.contains(nil) { problems.append("it succeeds, and should give \(names(of: step.results))") }
        }
        for (expected, subject) in [(step.calls, Event.Callback.Subject.flb), (step.fileCalls, .handler)] {
            guard let expected else { continue }
            let found = events.compactMap { $0.call(of: subject) }
            if found != expected {
                problems.append("it calls [\(found.joined(separator: ", "))], not [\(expected.joined(separator: ", "))]")
            }
        }
        for (name, expected) in step.outgoingCounts.sorted(by: { $0.key < $1.key }) {
            check(name, expected, .outgoing, &problems) { $0.outgoingCount(of: $1) }
        }
        for (name, expected) in step.incomingCounts.sorted(by: { $0.key < $1.key }) {
            check(name, expected, .incoming, &problems) { $0.incomingCount(of: $1) }
        }
        for owner in run.owners {
            guard let expected = step.ownerCounts[owner.name], expected != owner.references else { continue }
            problems.append("the owner of \(owner.name) has \(owner.references) references, not \(expected)")
        }
        if let expected = step.warnings {
            let found = events.compactMap { if case .warning(let text) = $0 { text } else { nil } }
            if found != expected {
                problems.append("it warns [\(found.joined(separator: ", "))], not [\(expected.joined(separator: ", "))]")
            }
        }
        return problems
    }

    private mutating func check(
        _ name: String, _ expected: Int64, _ direction: Event.Direction, _ problems: inout [String],
        _ count: (Kernel, FLB) -> Int64
    ) {
        do {
            let found = count(run.kernel, try run.flb(name))
            if found != expected {
                problems.append("the \(direction.rawValue) count of \(name) is \(found), not \(expected)")
            }
        } catch {
            problems.append("no FLB is called \"\(name)\"")
        }
    }

    private func names(of results: [Errno?]) -> String {
        results.map { $0?.kernelName ?? ScenarioReport.ok }.joined(separator: " or ")
    }
}

extension Event {
    /// The call that the event is, as steps expect it: `name operation`, and what it failed with.
    fileprivate func call(of subject: Callback.Subject) -> String? {
        guard case .callback(let call) = self, call.subject == subject else { return nil }
        return "\(call.name) \(call.operation.rawValue)" + (call.error.map { ": \($0.kernelName)" } ?? "")
    }
}
