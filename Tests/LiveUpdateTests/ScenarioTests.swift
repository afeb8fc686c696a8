import Foundation
import Handover
import KernelABI
import SystemPackage
import TestSupport
import Testing

@testable import LiveUpdate

@Suite struct ScenarioTests {
    @Test func `there are scenarios`() {
        #expect(Scenario.names.count >= 12)
    }

    @Test(arguments: Scenario.names)
    func `a scenario gets what it expects, and its trace is as it was`(name: String) throws {
        let report = try Scenario.named(name).run()
        #expect(report.hasPassed)
        #expect(report.description == (try Fixture.text("golden/simulate/\(name).txt")))
        #expect(report.description.split(separator: "\n").allSatisfy { $0.count <= 80 })
    }

    @Test func `a trace in JSON is as it was`() throws {
        var text = ""
        var writer = DocumentWriter { text += String(decoding: Array($0), as: UTF8.self) }
        writer.report(try Scenario.named("rollback").run())
        writer.finish()
        #expect(text == (try Fixture.text("golden/simulate/rollback.json")))
    }

    @Test(arguments: Scenario.names)
    func `a scenario that is written is read again as it was`(name: String) throws {
        let scenario = try Scenario.named(name)
        var text: [UInt8] = []
        var writer = DocumentWriter { text += Array($0) }
        Scenario.form.write(scenario, to: &writer)
        writer.finish()
        #expect(try Scenario.read(text) == scenario)
    }

    /// The scenario of the captures hands over the same as the kernels.
    @Test(arguments: ["7.1", "7.3"])
    func `the basic scenario gives the captured state`(release: String) throws {
        var scenario = try Scenario.named("basic")
        // The captures of 7.1 are from 7.1.13.
        scenario.kernel = release == "7.1" ? "7.1.13" : release
        let report = scenario.run()
        #expect(report.hasPassed)
        let image = try #require(report.image(named: "basic"))
        let root = try #require(image.rootAddress)
        let made = try HandoverReader(memory: image.memory, pageSize: .kib4).read(rootAt: root)
        #expect(made.findings == [])
        let captured = try CapturedHandover(name: "\(release)/basic").read().reading

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
        let calls = try Scenario.named("basic").run().entries.flatMap(\.events).compactMap { event -> String? in
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
        let scenario = try Self.scenario(
            parts: Self.handlerAndFLB,
            #"{"do": "create", "session": "s"}"#,
            #"{"do": "preserve", "file": "n", "session": "s", "token": 1, "calls": []}"#,
            #"{"do": "close", "session": "s"}"#)
        let report = scenario.run()
        #expect(!report.hasPassed)
        #expect(report.entries.last?.problems == ["it calls [f preserve], not []"])
        #expect(scenario.run(stopsAtProblem: false).entries.count > report.entries.count)
        #expect(report.description.contains("NOT as expected"))
    }

    @Test(arguments: [
        (#"{"do": "dance"}"#, ".steps[0].do: \"dance\" cannot be done"),
        (#"{"do": "create", "session": "a", "sesion": 1}"#, ".steps[0]: unknown key \"sesion\""),
        (#"{"do": "create"}"#, ".steps[0]: missing key \"session\""),
        (#"{"do": "create", "session": 7}"#, ".steps[0].session: expected a string"),
        (#"{"do": "create", "session": "a", "gives": []}"#, ".steps[0].gives: expected a value, or several"),
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
            ".steps[0].operation: \"finish\" is not an operation that can fail; known are preserve, "
        ),
        (
            #"{"do": "fail", "of": "memfd", "operation": "preserve", "with": "ok"}"#,
            ".steps[0].with: ok is no error"
        ),
        (#"{"do": "kexec", "into": "5.4"}"#, ".steps[0].into: unknown kernel \"5.4\""),
        (#"{"do": "kexec", "comes_up": "well"}"#, ".steps[0].comes_up: \"well\" is not how a kernel comes up"),
        (#"7"#, ".steps[0]: expected an object"),
        (#"{"session": "a"}"#, ".steps[0]: missing key \"do\": what is done"),
        (#"{"session": "a", "do": 7}"#, ".steps[0].do: expected a string"),
        (#"{"session": 7, "do": "create"}"#, ".steps[0].session: expected a string"),
        (#"{"do": "create", "session": "a", "do": "close"}"#, ".steps[0].do: duplicate key"),
        (#"{"do": "open_device", "outgoing": {"f": 1, "f": 2}}"#, ".steps[0].outgoing.f: duplicate key"),
        (#"{"do": "open_device", "outgoing": {"f": 1.5}}"#, ".steps[0].outgoing.f: expected an integer"),
    ])
    func `what a scenario cannot say is refused with its place`(step: String, problem: String) throws {
        let text = #"{"title": "t", "kernel": "7.3", "steps": [\#(step)]}"#
        let error = #expect(throws: DocumentReadError.self) { try Scenario.read(Array(text.utf8)) }
        #expect(error?.description.hasPrefix(problem) == true, "\(error?.description ?? "")")
    }

    @Test(arguments: [
        (#"{"title": "t"}"#, ".: missing key \"kernel\""),
        (#"{"title": "t", "kernel": "7.3", "page_size": 100}"#, ".page_size: unsupported page size 100; use 4096, "),
        (#"{"title": "t", "kernel": 7.3}"#, ".kernel: expected a string"),
        (
            #"{"title": "t", "kernel": "7.5"}"#,
            ".kernel: unknown kernel \"7.5\"; known kernels are 6.16, 6.17, 6.17.9, 6.18, 6.19, 6.19.13, 7.0, "
                + "7.0-118c3908, 7.1, 7.1.8, 7.2, 7.3, 7.4"
        ),
        (#"{"title": "t", "kernel": "7.3", "files": [{"name": "a"}, {"name": "a"}]}"#, ".files: there are two"),
        (#"{"title": "t", "kernel": "7.3", "handlers": [{"name": "memfd"}]}"#, ".handlers: there are two"),
        (
            #"{"title": "t", "kernel": "7.3", "flbs": [{"name": "a", "data": "x"}]}"#,
            ".flbs[0].data: \"x\" is not an integer from 0 to "
        ),
    ])
    func `what a scenario cannot define is refused with its place`(text: String, problem: String) throws {
        let error = #expect(throws: DocumentReadError.self) { try Scenario.read(Array(text.utf8)) }
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
        (
            #"{"do": "open_device", "calls": ["g preserve"]}"#,
            ".calls: \"g preserve\" is no call: no FLB is called \"g\"; there are f"
        ),
        (
            #"{"do": "open_device", "calls": ["f perserve"]}"#,
            ".calls: \"f perserve\" is no call: did you mean \"preserve\"?"
        ),
        (
            #"{"do": "open_device", "calls": ["f freeze"]}"#,
            ".calls: \"f freeze\" is no call: the operations are preserve, unpreserve, retrieve, finish"
        ),
        (
            #"{"do": "open_device", "calls": ["f preserve: EIOO"]}"#,
            ".calls: \"f preserve: EIOO\" is no call: unknown errno 'EIOO'; did you mean EIO?"
        ),
        (
            #"{"do": "open_device", "file_calls": ["menfd freeze"]}"#,
            ".file_calls: \"menfd freeze\" is no call: no handler is called \"menfd\"; did you mean \"memfd\"?"
        ),
        (
            #"{"do": "fail", "of": "f", "operation": "freeze", "with": "EIO"}"#,
            ".operation: f has no freeze; what can fail is preserve, retrieve"
        ),
        (
            #"{"do": "fail", "of": "memfd", "operation": "can_finish", "with": "EIO"}"#,
            ".operation: memfd has no can_finish; what can fail is preserve, freeze, retrieve"
        ),
    ])
    func `a name that nothing has is refused when the scenario is read`(step: String, problem: String) throws {
        let text = #"{"title": "t", "kernel": "7.3", "flbs": [{"name": "f"}], "steps": [\#(step)]}"#
        let error = #expect(throws: DocumentReadError.self) { try Scenario.read(Array(text.utf8)) }
        #expect(error?.description.hasPrefix(".steps[0]" + problem) == true, "\(error?.description ?? "")")
    }

    @Test(arguments: [
        (
            #""handlers": [{"name": "vfio"}], "files": [{"name": "a", "handler": "vfoi"}]"#,
            ".files[0].handler: no handler is called \"vfoi\"; did you mean \"vfio\"?"
        ),
        (
            #""handlers": [{"name": "vfio", "takes": ["vfoi"]}]"#,
            ".handlers[0].takes: no handler is called \"vfoi\"; did you mean \"vfio\"?"
        ),
        (
            #""handlers": [{"name": "vfio", "takes": ["memfd"]}]"#,
            ".handlers[0].takes: files of memfd are taken by memfd alone"
        ),
        (
            #""handlers": [{"name": "vfio", "lacks": ["finnish"]}]"#,
            ".handlers[0].lacks[0]: \"finnish\" is no operation of handlers; did you mean \"finish\"?"
        ),
        (
            #""flbs": [{"name": "f", "lacks": ["freeze"]}]"#,
            ".flbs[0].lacks[0]: \"freeze\" is no operation of FLBs; known are preserve, unpreserve, retrieve, finish"
        ),
        (
            #""handlers": [{"name": "vfio", "lacks": ["freeze"], "freeze_data": 9}]"#,
            ".handlers[0].freeze_data: a handler that lacks freeze leaves none"
        ),
        (
            #""flbs": [{"name": "f", "data": 1, "payload": "p"}]"#,
            ".flbs[0].data: an FLB with a payload returns the payload's address"
        ),
        (
            #""flbs": [{"name": "f", "does": {"freeze": [{"do": "lock", "mutex": "m"}]}}]"#,
            ".flbs[0].does.freeze: FLBs have no freeze"
        ),
        (
            #""flbs": [{"name": "f", "lacks": ["finish"], "does": {"finish": [{"do": "lock", "mutex": "m"}]}}]"#,
            ".flbs[0].does.finish: f lacks finish, which makes no calls"
        ),
        (
            #""handlers": [{"name": "vfio"}], "files": [{"name": "a", "handler": "vfio", "text": "x"}]"#,
            ".files[0].text: memfds have that; a file of vfio has not"
        ),
        (
            #""handlers": [{"name": "vfio", "lacks": ["can_finish"]}], "steps": ["#
                + #"{"do": "fail", "of": "vfio", "operation": "can_finish", "with": "EBUSY"}]"#,
            ".steps[0].operation: vfio has no can_finish; what can fail is preserve, freeze, retrieve"
        ),
        (
            #""steps": [{"do": "kexec", "name": "a"}, {"do": "kexec", "name": "a"}]"#,
            ".steps[1].name: there are two of the name \"a\""
        ),
    ])
    func `what makes no sense of handlers, FLBs and files is refused`(parts: String, problem: String) throws {
        let error = #expect(throws: DocumentReadError.self) { try Self.scenario(parts: parts) }
        #expect(error?.description.hasPrefix(problem) == true, "\(error?.description ?? "")")
    }

    private static let handlerAndFLB = #"""
        "handlers": [{"name": "v", "compatible": "vfio-v1"}], "flbs": [{"name": "f"}],
        "files": [{"name": "n", "handler": "v"}, {"name": "m", "handler": "memfd", "text": "old"}],
        "boot": [{"do": "register_handler", "handler": "memfd"}, {"do": "register_handler", "handler": "v"},
          {"do": "register_flb", "flb": "f", "handler": "v"}]
        """#

    private static func scenario(parts: String, _ steps: String...) throws -> Scenario {
        let list = steps.isEmpty ? "" : #", "steps": [\#(steps.joined(separator: ", "))]"#
        let text = #"{"title": "t", "kernel": "7.3", \#(parts)\#(list)}"#
        return try Scenario.read(Array(text.utf8))
    }

    @Test func `an operation that a handler lacks is not called`() throws {
        let parts =
            #""handlers": [{"name": "v", "lacks": ["freeze", "unfreeze", "can_finish"]}, {"name": "w"}], "#
            + #""files": [{"name": "n", "handler": "v"}, {"name": "m", "handler": "w"}], "boot": ["#
            + #"{"do": "register_handler", "handler": "v"}, {"do": "register_handler", "handler": "w"}]"#
        let report = try Self.scenario(
            parts: parts, #"{"do": "create", "session": "s"}"#,
            #"{"do": "preserve", "file": "n", "session": "s", "token": 1}"#,
            #"{"do": "preserve", "file": "m", "session": "s", "token": 2}"#,
            #"{"do": "fail", "of": "w", "operation": "freeze", "with": "E2BIG"}"#,
            #"{"do": "kexec", "gives": "E2BIG", "file_calls": ["w freeze: E2BIG"]}"#,
            #"{"do": "kexec", "file_calls": ["w freeze"]}"#, #"{"do": "retrieve_session", "session": "s"}"#,
            #"{"do": "finish", "session": "s", "file_calls": ["w finish", "v finish"]}"#
        ).run()
        #expect(report.hasPassed, "\(report)")
    }

    @Test func `calls go by names, or by what kernels call the parts`() throws {
        for (handler, memfd) in [("v", "memfd"), ("vfio-v1", "memfd-v2")] {
            let report = try Self.scenario(
                parts: Self.handlerAndFLB, #"{"do": "create", "session": "s"}"#,
                #"{"do": "preserve", "file": "n", "session": "s", "token": 1, "file_calls": ["\#(handler) preserve"]}"#,
                #"{"do": "preserve", "file": "m", "session": "s", "token": 2, "file_calls": ["\#(memfd) preserve"]}"#
            ).run()
            #expect(report.hasPassed, "\(report)")
        }
    }

    @Test func `a memfd's name goes with its kernel`() throws {
        let steps = [
            #"{"do": "create", "session": "s"}"#, #"{"do": "preserve", "file": "m", "session": "s", "token": 1}"#,
            #"{"do": "kexec"}"#, #"{"do": "retrieve_session", "session": "s"}"#,
        ]
        func run(_ more: [String]) throws -> ScenarioReport {
            let list = (steps + more).joined(separator: ", ")
            return try Self.scenario(parts: Self.handlerAndFLB + #", "steps": [\#(list)]"#).run()
        }
        let read = #"{"do": "read", "file": "m", "text": "old"}"#
        let report = try run([#"{"do": "retrieve", "session": "s", "token": 1}"#, read])
        #expect(
            report.entries.last?.problems == [
                "file m is of the kernel before, and this one has not retrieved it \"as\": \"m\""
            ])
        #expect(try run([#"{"do": "retrieve", "session": "s", "token": 1, "as": "m"}"#, read]).hasPassed)
        #expect(try run([#"{"do": "power_on"}"#, read]).hasPassed)
    }

    @Test func `what was to fail and was not called is a problem`() throws {
        let fail = #"{"do": "fail", "of": "v", "operation": "freeze", "with": "EIO"}"#
        for last in [#"{"do": "kexec"}"#, #"{"do": "open_device"}"#] {
            let report = try Self.scenario(parts: Self.handlerAndFLB, fail, last).run()
            #expect(report.entries.last?.problems == ["freeze of v was to fail, and was not called"])
        }
    }

    @Test func `a device that is not open is not closed`() throws {
        let report = try Self.scenario(parts: Self.handlerAndFLB, #"{"do": "close_device", "gives": "EBADF"}"#).run()
        #expect(report.hasPassed, "\(report)")
    }

    @Test func `what is made in numbers ends at the kernel's limit`() throws {
        let report = try Self.scenario(
            parts: Self.handlerAndFLB,
            #"{"do": "register_many", "prefix": "g", "count": 100000000, "handler": "v", "gives": "ENOSPC"}"#
        ).run()
        #expect(report.hasPassed)
    }

    @Test func `a kernel that is gone is told, and a crash is no warning`() throws {
        let report = try Self.scenario(
            parts: Self.handlerAndFLB,
            #"{"do": "unregister_handler", "handler": "v"}"#,
            #"{"do": "unregister_handler", "handler": "v", "gives": "crash"}"#
        ).run()
        #expect(report.hasPassed)
        #expect(report.description.contains("─ BUG: list_del()"))
    }

    @Test func `all errors of Linux are known`() {
        #expect(Errno(kernelName: "E2BIG")?.rawValue == 7)
        #expect(Errno(kernelName: "EOPNOTSUPP")?.rawValue == 95)
        #expect(Errno(kernelName: "EHWPOISON")?.rawValue == 133)
        #expect(Errno(rawValue: 58).kernelName == "errno 58")
        #expect((1...133).count { !Errno(rawValue: $0).kernelName.contains(" ") } == 131)
    }

    @Test func `a long race stays within the columns`() throws {
        let sides = (0..<3).map { _ in
            #"[{"do": "register_flb", "flb": "f", "handler": "memfd", "gives": ["ok", "EEXIST"]}]"#
        }
        let race = #"{"do": "race", "sides": [\#(sides.joined(separator: ", "))]}"#
        let story = try Self.scenario(parts: Self.handlerAndFLB, race).run().description
        #expect(story.split(separator: "\n").allSatisfy { $0.count <= 80 }, "\(story)")
    }

    @Test func `all that is wrong with a scenario is told`() throws {
        let text = #"""
            {"title": "t", "kernel": "7.3", "fils": [], "flbs": [{"name": "a", "dat": 1}, {"data": true}],
             "steps": [
               {"do": "preserve", "file": "x", "session": "s", "tokn": 1}, {"do": "creat"},
               {"do": "create", "session": 7, "gives": "EEXISTS"}, {"do": "kexec", "comes_up": "well"}]}
            """#
        let error = #expect(throws: DocumentReadError.self) { try Scenario.read(Array(text.utf8)) }
        #expect(
            error?.description.split(separator: "\n").map(String.init) == [
                #".: unknown key "fils"; did you mean "files"?"#,
                #".flbs[0]: unknown key "dat"; did you mean "data"?"#,
                ".flbs[1].data: expected an integer from 0 to 18446744073709551615, or one in a string",
                #".flbs[1]: missing key "name": the FLB's name"#,
                #".steps[0]: unknown key "tokn"; did you mean "token"?"#,
                #".steps[1].do: "creat" cannot be done; did you mean "create"?"#,
                ".steps[2].session: expected a string",
                #".steps[2].gives: unknown errno 'EEXISTS'; did you mean EEXIST?"#,
                #".steps[3].comes_up: "well" is not how a kernel comes up; known are fresh, adopted, lost, panicked"#,
            ])
    }

    @Test func `of many problems the first are told`() throws {
        let steps = Array(repeating: #"{"do": "x"}"#, count: 30).joined(separator: ",")
        let error = #expect(throws: DocumentReadError.self) {
            try Scenario.read(Array(#"{"title": "t", "kernel": "7.3", "steps": [\#(steps)]}"#.utf8))
        }
        let lines = error?.description.split(separator: "\n")
        #expect(lines?.count == DocumentError.limit + 1)
        #expect(lines?.last == "there may be more: these are the first 20")
    }

    /// References that are not dropped leak, here and in the next kernel.
    @Test func `memory that leaks is expected`() throws {
        var scenario = try Scenario.named("race-unregister")
        #expect(scenario.run().hasPassed)
        scenario.steps.removeAll { $0.isRace }
        #expect(scenario.run().entries.last?.problems.isEmpty == false)
    }

    @Test func `a number of calls that differ in numbers alone is folded`() throws {
        let story = try Scenario.named("limit").run().description
        #expect(story.contains("… and 120 more like these"))
        #expect(story.split(separator: "\n").allSatisfy { $0.count <= 80 })
    }
}
