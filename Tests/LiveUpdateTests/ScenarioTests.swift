import Foundation
import Handover
import KernelABI
import Testing

@testable import LiveUpdate

@Suite struct ScenarioTests {
    @Test func `there are scenarios`() {
        #expect(Fixtures.scenarios.count >= 12)
    }

    @Test(arguments: Fixtures.scenarios)
    func `a scenario gets what it expects, and its trace is as it was`(name: String) throws {
        let report = try Fixtures.scenario(name).run()
        #expect(report.hasPassed)
        #expect(report.description == (try Fixtures.golden("\(name).txt")))
        #expect(report.description.split(separator: "\n").allSatisfy { $0.count <= 80 })
    }

    @Test func `a trace in JSON is as it was`() throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let text = String(decoding: try encoder.encode(try Fixtures.scenario("rollback").run()), as: UTF8.self)
        #expect(text + "\n" == (try Fixtures.golden("rollback.json")))
    }

    /// What the scenario of the captures hands over is what the kernels handed over.
    @Test(arguments: ["7.1", "7.3"])
    func `the basic scenario gives the captured state`(release: String) throws {
        var scenario = try Fixtures.scenario("basic")
        // What was captured of 7.1 is 7.1.13's.
        scenario.kernel = release == "7.1" ? "7.1.13" : release
        let report = scenario.run()
        #expect(report.hasPassed)
        let image = try #require(report.image(named: "basic"))
        let root = try #require(image.rootAddress)
        let made = try HandoverReader(memory: image.memory, pageSize: .kib4).read(rootAt: root)
        #expect(made.findings == [])
        let captured = try Fixtures.capture("\(release)/basic").reading

        #expect(made.state.generation?.name == captured.state.generation?.name)
        let (ours, kernels) = (try #require(made.state.luo), try #require(captured.state.luo))
        #expect(ours.liveUpdateNumber == kernels.liveUpdateNumber)
        #expect(ours.flbPageCount == kernels.flbPageCount)
        #expect(ours.flbs == kernels.flbs)
        #expect(ours.flbs?.map(\.count) == [4, 4, 4])
        #expect(summary(ours) == summary(kernels))
        #expect(made.state.kexecMetadata?.kexecCount == captured.state.kexecMetadata?.kexecCount)
    }

    /// Sessions and files without their addresses.
    private func summary(_ luo: LUOState) -> [String] {
        (luo.sessions ?? []).flatMap { session in
            ["\(session.name) \(session.count ?? 0)"]
                + (session.files ?? []).map { file in
                    let memfd = file.memfd
                    return "\(file.token) \(file.compatible ?? "") \(memfd?.size ?? 0) \(memfd?.position ?? 0) "
                        + "\(memfd?.seals ?? 0) \(memfd?.folioCount ?? 0) \(memfd?.vmalloc?.totalPages ?? 0)"
                }
        }
    }

    /// The order in which the kernel's test module logs its operations.
    @Test func `the basic scenario calls the operations in the kernel's order`() throws {
        let calls = try Fixtures.scenario("basic").run().entries.flatMap(\.events).compactMap { event -> String? in
            guard case .callback(let call) = event, call.subject == .flb else { return nil }
            return "\(call.operation.rawValue) \(call.name.suffix(2))"
        }
        #expect(
            calls == [
                "preserve v0", "preserve v1", "preserve v2", "retrieve v0", "retrieve v1", "retrieve v2", "finish v2",
                "finish v1", "finish v0",
            ])
    }

    @Test func `an expectation that does not hold fails the run, and ends it`() throws {
        var scenario = try Fixtures.scenario("first-and-last")
        scenario.flbs[0].compatible = "other"
        let report = scenario.run()
        #expect(!report.hasPassed)
        #expect(report.entries.last?.problems == ["it calls [other preserve], not [iommu preserve]"])
        #expect(scenario.run(stopsAtProblem: false).entries.count > report.entries.count)
        #expect(report.description.contains("NOT as expected"))
    }

    @Test(arguments: [
        (#"{"do": "dance"}"#, ".steps[0].do: \"dance\" cannot be done"),
        (#"{"do": "create", "session": "a", "sesion": 1}"#, ".steps[0]: unknown key \"sesion\""),
        (#"{"do": "create"}"#, ".steps[0]: missing key \"session\""),
        (#"{"do": "create", "session": 7}"#, ".steps[0].session: expected the name of a session"),
        (#"{"do": "create", "session": "a", "gives": "EWHAT"}"#, ".steps[0].gives: unknown errno 'EWHAT'"),
        (
            #"{"do": "create", "session": "a", "gives": "EEXISTS"}"#,
            ".steps[0].gives: unknown errno 'EEXISTS'; did you mean EEXIST?"
        ),
        (#"{"do": "creat", "session": "a"}"#, ".steps[0].do: \"creat\" cannot be done; did you mean \"create\"?"),
        (
            #"{"do": "preserve", "file": "a", "session": "b", "tokn": 1}"#,
            ".steps[0]: unknown key \"tokn\"; did you mean \"token\"?"
        ),
        (
            #"{"do": "fail", "of": "x", "operation": "finish", "with": "EIO"}"#,
            ".steps[0].operation: \"finish\" cannot fail"
        ),
        (#"{"do": "kexec", "into": "5.4"}"#, ".steps[0].into: no kernel \"5.4\" is known here"),
        (#"{"do": "kexec", "comes_up": "well"}"#, ".steps[0].comes_up: \"well\" is not how a kernel comes up"),
        (#"7"#, ".steps[0]: expected an object"),
    ])
    func `what a scenario cannot say is refused with its place`(step: String, problem: String) throws {
        let text = #"{"title": "t", "kernel": "7.3", "steps": [\#(step)]}"#
        let error = #expect(throws: DocumentError.self) {
            try JSONDecoder().decode(Scenario.self, from: Data(text.utf8))
        }
        #expect(error?.description.hasPrefix(problem) == true, "\(error?.description ?? "")")
    }

    @Test(arguments: [
        (#"{"title": "t"}"#, ".: missing key \"kernel\""),
        (#"{"title": "t", "kernel": "7.3", "page_size": 100}"#, ".page_size: 100 is not a page size"),
        (#"{"title": "t", "kernel": "7.3", "files": [{"name": "a"}, {"name": "a"}]}"#, ".files: there are two"),
        (#"{"title": "t", "kernel": "7.3", "handlers": [{"name": "memfd"}]}"#, ".handlers: there are two"),
        (#"{"title": "t", "kernel": "7.3", "flbs": [{"name": "a", "data": "x"}]}"#, ".flbs[0].data: expected"),
    ])
    func `what a scenario cannot define is refused with its place`(text: String, problem: String) throws {
        let error = #expect(throws: DocumentError.self) {
            try JSONDecoder().decode(Scenario.self, from: Data(text.utf8))
        }
        #expect(error?.description.hasPrefix(problem) == true, "\(error?.description ?? "")")
    }

    @Test(arguments: [
        (
            #"{"do": "preserve", "file": "x", "session": "s", "token": 1}"#,
            ".file: no file is called \"x\"; there is none"
        ),
        (#"{"do": "close", "session": "s"}"#, ".session: no session is called \"s\"; there is none"),
        (#"{"do": "get_outgoing", "flb": "x"}"#, ".flb: no FLB is called \"x\"; there are f"),
        (#"{"do": "get_outgoing", "flb": "memfd"}"#, ".flb: no FLB is called \"memfd\""),
        (#"{"do": "register_handler", "handler": "x"}"#, ".handler: no handler is called \"x\"; there are memfd"),
        (#"{"do": "unload", "owner_of": "x"}"#, ".owner_of: no handler or FLB is called \"x\"; there are f, memfd"),
        (#"{"do": "open_device", "outgoing": {"x": 1}}"#, ".outgoing: no FLB is called \"x\""),
        (#"{"do": "open_device", "calls": ["g preserve"]}"#, ": \"g preserve\" is no call"),
        (#"{"do": "open_device", "calls": ["f perserve"]}"#, ": \"f perserve\" is no call"),
    ])
    func `a name that nothing has is refused when the scenario is read`(step: String, problem: String) throws {
        let text = #"{"title": "t", "kernel": "7.3", "flbs": [{"name": "f"}], "steps": [\#(step)]}"#
        let error = #expect(throws: DocumentError.self) {
            try JSONDecoder().decode(Scenario.self, from: Data(text.utf8))
        }
        #expect(error?.description.hasPrefix(".steps[0]" + problem) == true, "\(error?.description ?? "")")
    }

    @Test func `all that is wrong with a scenario is told`() throws {
        let text = #"""
            {"title": "t", "kernel": "7.3", "fils": [], "flbs": [{"name": "a", "dat": 1}, {"data": true}],
             "steps": [
               {"do": "preserve", "file": "x", "session": "s", "tokn": 1}, {"do": "creat"},
               {"do": "create", "session": 7, "gives": "EEXISTS"}, {"do": "kexec", "comes_up": "well"}]}
            """#
        let error = #expect(throws: DocumentError.self) {
            try JSONDecoder().decode(Scenario.self, from: Data(text.utf8))
        }
        #expect(
            error?.lines == [
                #".: unknown key "fils"; did you mean "files"?"#,
                #".flbs[0]: unknown key "dat"; did you mean "data"?"#,
                #".flbs[1]: missing key "name": the FLB's name"#,
                ".flbs[1].data: expected what preserve returns",
                #".steps[0]: unknown key "tokn"; did you mean "token"?"#,
                #".steps[1].do: "creat" cannot be done; did you mean "create"?"#,
                #".steps[2].session: expected the name of a session"#,
                #".steps[2].gives: unknown errno 'EEXISTS'; did you mean EEXIST?"#,
                #".steps[3].comes_up: "well" is not how a kernel comes up; that is fresh, adopted, lost, panicked"#,
            ])
    }

    @Test func `of many problems the first are told`() throws {
        let steps = Array(repeating: #"{"do": "x"}"#, count: 30).joined(separator: ",")
        let error = #expect(throws: DocumentError.self) {
            try JSONDecoder().decode(
                Scenario.self, from: Data(#"{"title": "t", "kernel": "7.3", "steps": [\#(steps)]}"#.utf8))
        }
        #expect(error?.lines.count == DocumentError.limit + 1)
        #expect(error?.lines.last == "there may be more: these are the first 20")
    }

    /// What nobody gives back leaks, here and in the next kernel.
    @Test func `memory that leaks is expected`() throws {
        var scenario = try Fixtures.scenario("race-unregister")
        #expect(scenario.run().hasPassed)
        scenario.steps.removeAll { $0.action is Race }
        #expect(scenario.run().entries.last?.problems.isEmpty == false)
    }

    @Test func `a number of calls that differ in numbers alone is folded`() throws {
        let story = try Fixtures.scenario("limit").run().description
        #expect(story.contains("… and 120 more like these"))
        #expect(story.split(separator: "\n").allSatisfy { $0.count <= 80 })
    }
}
