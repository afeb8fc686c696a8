import Foundation
import Testing

@testable import LiveUpdate

@Suite struct RaceTests {
    @Test(arguments: [("race-finish", 4), ("race-unregister", 3), ("race-close", 2), ("race-mutex", 3)])
    func `a race has as many interleavings as differ`(name: String, count: Int) throws {
        let race = try #require(try Scenario.named(name).run().entries.compactMap(\.race).first)
        #expect(race.count == count)
        #expect(race.isComplete)
        #expect(race.outcomes.reduce(0) { $0 + $1.count } == count)
    }

    /// Checks that omitted orders are equivalent to others: all orders of all points have the same outcomes as those
    /// played.
    @Test(arguments: [
        ("race-finish", "7.3"), ("race-unregister", "7.3"), ("race-close", "7.3"), ("race-lent-object", "7.1.3"),
        ("race-mutex", "7.3"), ("race-unregister", "7.1.3"),
    ])
    func `no outcome is missed`(name: String, release: String) throws {
        var scenario = try Scenario.named(name)
        scenario.kernel = release
        let found = try #require(scenario.run().entries.compactMap(\.race).first)
        let all = try Self.outcomesOfAllOrders(scenario)
        #expect(Set(found.outcomes.map(\.outcome)) == all.outcomes)
        #expect(all.count >= found.count)
    }

    /// Plays each order in which sides can run from point to point, equivalent or not.
    private static func outcomesOfAllOrders(_ scenario: Scenario) throws -> (outcomes: Set<RaceOutcome>, count: Int) {
        var outcomes: Set<RaceOutcome> = []
        var count = 0
        var prefix: [Int] = []
        while true {
            var run = try ScenarioRun(scenario, nil)
            let steps = scenario.boot + scenario.steps
            let race = try #require(steps.first { $0.isRace })
            for step in steps.prefix(while: { !$0.isRace }) {
                _ = run.perform(step)
                guard run.hasBooted, step.action.kind == .kexec else { continue }
                for step in scenario.boot { _ = run.perform(step) }
            }
            try race.prepareRace(&run)
            var choices: [[Int]] = []
            let play = try RacePlay.play(race.sides, in: run) { enabled, _ in
                let sides = enabled.keys.sorted()
                defer { choices.append(sides) }
                return choices.count < prefix.count ? prefix[choices.count] : sides.first
            }
            let order = try #require(play).order
            outcomes.insert(RaceOutcome(try #require(play)))
            count += 1
            // The next order changes the last choice that has an alternative.
            guard let place = choices.indices.last(where: { choices[$0].last != order[$0] }) else { break }
            let next = try #require(choices[place].first { $0 > order[place] })
            prefix = Array(order[..<place]) + [next]
            guard count < 20_000 else { break }
        }
        return (outcomes, count)
    }

    @Test func `an outcome that is not expected is shown with a schedule that plays it again`() throws {
        var report = try Self.scenario(outcomes: #"[{"outgoing": {"f": 2}}]"#).run()
        #expect(!report.hasPassed)
        let problem = "an outcome that is not expected: A ok; B ok; outgoing f 1; references f 1, h 2"
        #expect(report.entries.last?.problems == [problem])
        let schedule = try #require(report.entries.last?.race?.schedule)
        #expect(report.description.contains("the first that is not as expected has schedule \(schedule):"))

        report = try Self.scenario(outcomes: #"[{"outgoing": {"f": 2}}]"#, schedule: schedule).run()
        #expect(report.entries.last?.race?.count == 1)
        #expect(report.entries.last?.problems == [problem])
        report = try Self.scenario(outcomes: #"[{"outgoing": {"f": 1}}]"#, schedule: schedule).run()
        #expect(report.hasPassed)
    }

    @Test func `an outcome that never comes about is a problem`() throws {
        let outcomes = #"[{"outgoing": {"f": 2}}, {"outgoing": {"f": 1}}, {"gives": ["EBUSY", "ok"]}]"#
        #expect(try Self.scenario(outcomes: outcomes).run().entries.last?.problems == ["outcome 3 never comes about"])
    }

    @Test func `what holds in all interleavings is expected of the race`() throws {
        #expect(try Self.scenario(more: #""owners": {"f": 1}, "warnings": []"#).run().hasPassed)
        let report = try Self.scenario(more: #""outgoing": {"f": 2}"#).run()
        #expect(report.entries.last?.problems == ["the outgoing count of f is 1, not 2"])
    }

    @Test func `a schedule that does not fit is a problem`() throws {
        let problems = try Self.scenario(schedule: "20A").run().entries.last?.problems
        #expect(problems?.first?.hasPrefix("place ") == true)
        #expect(problems?.first?.hasSuffix("of the schedule: A cannot go on; it has ended") == true)
    }

    @Test func `there is a limit to interleavings`() throws {
        var scenario = try Self.scenario()
        scenario.interleavingLimit = 2
        let report = scenario.run()
        #expect(
            report.entries.last?.problems == [
                "there are over 2 interleavings, of which as many were played: give the sides fewer steps, "
                    + "files or FLBs"
            ])
    }

    /// Two sessions, one of which preserves a file while the FLB is unregistered.
    private static func scenario(
        outcomes: String? = nil, schedule: String? = nil, more: String? = nil
    ) throws -> Scenario {
        let members = [
            outcomes.map { #""outcomes": \#($0)"# }, schedule.map { #""schedule": "\#($0)""# }, more,
        ].compactMap { $0 }.map { ", " + $0 }.joined()
        return try scenario(
            """
            {"title": "t", "kernel": "7.3", "handlers": [{"name": "h"}], "flbs": [{"name": "f"}],
             "files": [{"name": "a", "handler": "h"}, {"name": "b", "handler": "h"}],
             "steps": [
               {"do": "register_handler", "handler": "h"}, {"do": "register_flb", "flb": "f", "handler": "h"},
               {"do": "create", "session": "s"}, {"do": "create", "session": "t"},
               {"do": "preserve", "file": "a", "session": "s", "token": 1},
               {"do": "race", "sides": [
                  [{"do": "preserve", "file": "b", "session": "t", "token": 1}],
                  [{"do": "unregister_flb", "flb": "f", "handler": "h"}]]\(members)}]}
            """)
    }

    private static func scenario(_ text: String) throws -> Scenario {
        try Scenario.read(Array(text.utf8))
    }

    /// Up to 7.1.3, luo_session_retrieve() uses what it has found after unlocking the list.
    @Test(arguments: [("7.1.3", ["EINVAL, ok", "ENOENT, ok", "crash, ok"]), ("7.1.13", ["EINVAL, ok", "ENOENT, ok"])])
    func `a session is freed while it is looked for`(release: String, results: [String]) throws {
        let race = try Self.scenario(
            """
            {"title": "t", "kernel": "\(release)",
             "steps": [{"do": "create", "session": "s"}, {"do": "kexec"}, {"do": "retrieve_session", "session": "s"},
               {"do": "race",
                "sides": [[{"do": "retrieve_session", "session": "s"}], [{"do": "close", "session": "s"}]],
                "outcomes": []}]}
            """
        ).run().entries.last?.race
        #expect(Set(race?.outcomes.map { $0.outcome.results.joined().joined(separator: ", ") } ?? []) == Set(results))
    }

    /// Up to 7.1.3, liveupdate_flb_get_incoming() drops the lock before it looks up the object.
    @Test(arguments: [("7.1.3", true), ("7.1.13", false), ("7.3", false)])
    func `an object is finished between retrieving and looking for it`(release: String, canBe: Bool) throws {
        var scenario = try Scenario.named("race-lent-object")
        scenario.kernel = release
        let race = try #require(scenario.run(stopsAtProblem: false).entries.compactMap(\.race).first)
        #expect(race.outcomes.contains { $0.outcome.results[0] == ["ok with object none"] } == canBe)
    }

    /// In 7.0, registering ensures that there are no sessions and that none are created meanwhile.
    @Test func `a session is created while a handler is registered`() throws {
        let race = try Self.scenario(
            """
            {"title": "t", "kernel": "7.0", "handlers": [{"name": "h"}],
             "steps": [{"do": "race", "sides": [
                [{"do": "register_handler", "handler": "h"}], [{"do": "create", "session": "s"}]],
                "outcomes": [{"gives": ["ok", "ok"]}, {"gives": ["EBUSY", "ok"]}]}]}
            """
        ).run()
        #expect(race.hasPassed, "\(race.description)")
    }

    @Test func `three sides wait for each other`() throws {
        let report = try Self.scenario(
            """
            {"title": "t", "kernel": "7.3", "steps": [{"do": "race", "sides": [
                [{"do": "lock", "mutex": "a"}, {"do": "lock", "mutex": "b"}],
                [{"do": "lock", "mutex": "b"}, {"do": "lock", "mutex": "c"}],
                [{"do": "lock", "mutex": "c"}, {"do": "lock", "mutex": "a"}]],
                "schedule": "A B C"}]}
            """
        ).run()
        let story = report.description
        for line in ["A waits for ever for mutex b, held by B", "B waits for ever for mutex c, held by C"] {
            #expect(story.contains(line), "\(story)")
        }
        #expect(report.entries.last?.isRunning == false)
    }

    @Test func `a mutex that is taken twice is a deadlock`() throws {
        let report = try Self.scenario(
            """
            {"title": "t", "kernel": "7.3", "steps": [
               {"do": "lock", "mutex": "a"}, {"do": "unlock", "mutex": "a"}, {"do": "lock", "mutex": "a"},
               {"do": "lock", "mutex": "a", "gives": "deadlock"}]}
            """
        ).run()
        #expect(report.hasPassed, "\(report.description)")
    }

    @Test(arguments: ["preserve", "unpreserve", "retrieve", "finish"])
    func `an operation that asks for its own FLB waits for itself`(operation: String) throws {
        let direction = operation.hasSuffix("preserve") ? "outgoing" : "incoming"
        let third = direction == "outgoing" ? #""do": "close", "session": "s""# : #""do": "kexec""#
        let report = try Self.scenario(
            """
            {"title": "t", "kernel": "7.3", "handlers": [{"name": "h"}], "files": [{"name": "a", "handler": "h"}],
             "flbs": [{"name": "f", "does": {"\(operation)": [{"do": "get_\(direction)", "flb": "f"}]}}],
             "boot": [{"do": "register_handler", "handler": "h"}, {"do": "register_flb", "flb": "f", "handler": "h"}],
             "steps": [
               {"do": "create", "session": "s"},
               {"do": "preserve", "file": "a", "session": "s", "token": 1, "gives": ["ok", "deadlock"]},
               {\(third), "gives": ["ok", "deadlock", "ESHUTDOWN"]},
               {"do": "get_incoming", "flb": "f", "gives": ["ok", "deadlock", "ESHUTDOWN", "ENODATA"]},
               {"do": "put_incoming", "flb": "f", "if_got": true, "gives": ["ok", "ESHUTDOWN"]},
               {"do": "retrieve_session", "session": "s", "gives": ["ok", "ESHUTDOWN", "ENOENT"]},
               {"do": "finish", "session": "s", "gives": "deadlock"}]}
            """
        ).run(stopsAtProblem: false)
        let results = report.entries.compactMap { entry -> ScenarioResult? in entry.result }
        #expect(results.contains(.errno(.deadlocked)), "\(report.description)")
        #expect(report.entries.last?.isRunning == false)
    }

    @Test(arguments: [
        (#""sides": [[{"do": "kexec"}], [{"do": "open_device"}]]"#, ".steps[0].sides[0][0]: \"kexec\" cannot be on a"),
        (#""sides": [[{"do": "open_device"}]]"#, ".steps[0].sides: a race has two to 8 sides, each with steps"),
        (#""sides": [[{"do": "open_device"}], []]"#, ".steps[0].sides: a race has two to 8 sides, each with steps"),
        (
            #""sides": [[{"do": "open_device"}], [{"do": "close_device", "warnings": []}]]"#,
            ".steps[0].sides[1][0]: counts, owners and warnings hang on the other sides, too"
        ),
        (
            #""sides": [[{"do": "opendevice"}], [{"do": "close_device"}]]"#,
            ".steps[0].sides[0][0].do: \"opendevice\" cannot"
        ),
        (
            #""sides": [[{"do": "open_device"}], [{"do": "close_device"}]], "schedule": "3A, B""#,
            ".steps[0].schedule: \"3A, B\" is no schedule"
        ),
        (
            #""sides": [[{"do": "open_device"}], [{"do": "close_device"}]], "outcomes": [{"gives": ["ok"]}]"#,
            ".steps[0].outcomes[0]: 1 sides in an outcome of a race of 2"
        ),
        (
            #""sides": [[{"do": "get_outgoing", "flb": "f"}], [{"do": "close_device"}]]"#,
            ".steps[0].sides[0][0].flb: no FLB is called \"f\""
        ),
        (
            #""sides": [[{"do": "open_device"}], [{"do": "close_device"}]], "gives": "ok""#,
            ".steps[0]: unknown key \"gives\""
        ),
    ])
    func `what cannot race is refused when the scenario is read`(members: String, problem: String) throws {
        let error = #expect(throws: (any Error).self) {
            try Self.scenario(#"{"title": "t", "kernel": "7.3", "steps": [{"do": "race", \#(members)}]}"#)
        }
        #expect("\(error.map { "\($0)" } ?? "")".hasPrefix(problem), "\(String(describing: error))")
    }
}
