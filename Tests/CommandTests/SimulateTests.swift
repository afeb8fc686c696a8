import Foundation
import TestSupport
import Testing

@Suite struct SimulateTests {
    @Test func `a trace is told as a story, and as JSON`() throws {
        let story = try Command("simulate", "scenarios/rollback.json")
        #expect(story.status == 0)
        #expect(story.errors == "")
        #expect(
            story.output == (try Data(contentsOf: Fixture.url("golden/simulate/rollback.txt"))))
        let json = try Command("simulate", "--format", "json", "scenarios/rollback.json")
        #expect(
            json.output == (try Data(contentsOf: Fixture.url("golden/simulate/rollback.json"))))
    }

    @Test func `the image of a named kexec is written, and can be dumped`() throws {
        let image = try TemporaryPath([])
        let simulated = try Command(
            "simulate", "scenarios/two-updates.json", "--at", "second", "-o", image.path, "--output-format", "elf")
        #expect(simulated.status == 0)
        #expect(simulated.errors.contains("handed over by kernel 7.3, root FDT at 0x"))
        let dump = try Command("dump", "--format", "json", image.path)
        #expect(dump.status == 0)
        let state = try #require(try JSONSerialization.jsonObject(with: dump.output) as? [String: Any])
        let luo = try #require(state["luo"] as? [String: Any])
        #expect(luo["liveupdate_number"] as? Int == 2)
        #expect((luo["flbs"] as? [[String: Any]])?.first?["name"] as? String == "iommu")
    }

    @Test func `a scenario that cannot be read, and an image that is not there`() throws {
        let broken = try TemporaryPath(#"{"title": "t", "kernel": "7.3", "stepps": []}"#.utf8)
        let refused = try Command("simulate", broken.path)
        #expect(refused.status == 2)
        #expect(refused.errors == "luo-fdt: \(broken.path): .: unknown key \"stepps\"; did you mean \"steps\"?\n")
        let worse = try TemporaryPath(#"{"title": "t", "kernel": "7.3", "stepps": [], "flbs": [7]}"#.utf8)
        let errors = try Command("simulate", worse.path).errors.split(separator: "\n")
        #expect(errors.count == 2 && errors.allSatisfy { $0.hasPrefix("luo-fdt: \(worse.path): .") }, "\(errors)")
        let missing = try Command("simulate", "scenarios/basic.json", "--at", "other", "-o", "x.elf")
        #expect(missing.status == 2)
        #expect(missing.errors.contains("no kexec is named \"other\"; there are: basic"))
    }

    @Test func `what is no JSON, and a key that is there twice, are named with their place`() throws {
        for (text, problem) in [
            ("{\"title\": \"t\"\n \"kernel\": 1}", "line 2, column 2: expected \",\" or \"}\" here"),
            ("{\"title\": \"t\",\n\"title\": \"u\"}", ".title: duplicate key"),
            ("{\"title\": \"t", "line 1, column 11: expected the end of the string that begins here"),
        ] {
            let file = try TemporaryPath(text.utf8)
            let refused = try Command("simulate", file.path)
            #expect(refused.status == 2)
            #expect(refused.errors.contains(problem), "\(refused.errors)")
        }
    }

    @Test func `what is done is said anywhere in a step, in a long file, too`() throws {
        let steps = (0..<5000).map { #"{"session": "\u0073\#($0)", "note": "{\"do\": \"kexec\"}", "do": "create"}"# }
        let text = #"{"title": "t", "kernel": "7.3", "steps": [\#(steps.joined(separator: ",\n")), {"do": "creat"}]}"#
        let file = try TemporaryPath(text.utf8)
        let refused = try Command("simulate", file.path)
        #expect(refused.status == 2)
        #expect(
            refused.errors
                == "luo-fdt: \(file.path): .steps[5000].do: \"creat\" cannot be done; did you mean \"create\"?\n")
    }

    @Test func `a scenario that cannot be read is told in each report, and the others are played`() throws {
        let broken = try TemporaryPath(#"{"title": "t", "kernel": "7.3", "stepps": []}"#.utf8)
        for (format, part) in [
            ("tap", "# \(broken.path): .: unknown key \"stepps\"; did you mean \"steps\"?\nnot ok 1 "),
            ("junit", "tests=\"2\" failures=\"0\" errors=\"1\""), ("junit", "<error message="),
            ("json", "unknown key"), ("tree", " steps: 1 not played: "),
        ] {
            let played = try Command("simulate", "--format", format, broken.path, "scenarios/limit.json")
            #expect(played.status == 2)
            #expect(played.text.contains(part), "\(played.text)")
            #expect(played.errors.contains("unknown key"))
        }
        let written = try Command("simulate", broken.path, "-o", "-", "--output-format", "elf")
        #expect(written.status == 2 && written.text == "" && written.errors.contains("unknown key"))
    }

    @Test func `a release that is not known is told`() throws {
        let refused = try Command("simulate", "--kernel", "7.5", "scenarios/limit.json")
        #expect(refused.status == 2)
        #expect(refused.errors.hasPrefix("luo-fdt: unknown kernel \"7.5\"; known kernels are 6.16, "))
        #expect(refused.text == "")
        #expect(try Command("simulate", "--help").text.contains("7.0-118c3908"))
    }

    @Test(arguments: [("", 0), (#""page_size": 16384, "#, 0), (#""page_size": 4096, "#, 2)])
    func `a kernel has the page size of the image that it is handed`(member: String, status: Int32) throws {
        let scenario = try TemporaryPath(
            (#"{"title": "t", \#(member)"kernel": "7.3", "steps": [{"do": "register_handler", "handler": "memfd"}, "#
                + #"{"do": "retrieve_session", "session": "vm-beta"}]}"#).utf8)
        let played = try Command("simulate", "--image", "captures/7.3-arm64-16k/basic.elf", scenario.path)
        #expect(played.status == status, "\(played.text)\(played.errors)")
        #expect(played.errors.contains("panics on it in kho_radix_walk_tree()") == (status != 0))
    }

    @Test func `the schema has the words that there are`() throws {
        let schema = try JSONSchema(try Command("schema", "scenario").output)
        func violations(_ members: String) throws -> [String] {
            let text = #"{"title": "t", "kernel": "7.3", \#(members)}"#
            return schema.violations(of: try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8)))
        }
        #expect(try violations(#""page_size": 16384, "handlers": [{"name": "h", "lacks": ["freeze"]}]"#) == [])
        #expect(try violations(#""page_size": "0x4000""#) == [])
        for members in [
            #""page_size": 8192"#, #""handlers": [{"name": "h", "lacks": ["freez"]}]"#,
            #""flbs": [{"name": "f", "lacks": ["freeze"]}]"#,
            #""steps": [{"do": "create", "session": "s", "gives": "EWHAT"}]"#,
            #""steps": [{"do": "create", "session": "s", "gives": []}]"#,
            #""steps": [{"do": "fail", "of": "h", "operation": "preserve", "with": "ok"}]"#,
            #""steps": [{"do": "kexec", "comes_up": "well"}]"#,
        ] { #expect(try !violations(members).isEmpty, "\(members)") }
    }

    @Test func `several scenarios are summed up, as KTAP and as JUnit`() throws {
        let text = #"{"title": "t", "kernel": "7.3", "steps": [{"do": "create", "session": "", "gives": "ok"}]}"#
        let broken = try TemporaryPath(text.utf8)
        let quiet = try Command("simulate", "--quiet", "scenarios/rollback.json", "scenarios/limit.json")
        #expect(quiet.status == 0)
        #expect(quiet.text == "2 scenarios, 22 steps: all as expected\n")
        let failed = try Command("simulate", "--quiet", broken.path, "scenarios/limit.json")
        #expect(failed.status == 1)
        let lines = failed.text.split(separator: "\n")
        #expect(lines.count == 2)
        #expect(lines.first?.hasSuffix("NOT as expected: step 1: create session \"\": it gives EINVAL, not ok") == true)
        let tap = try Command("simulate", "--format", "tap", "scenarios/rollback.json", broken.path)
        #expect(tap.status == 1)
        #expect(tap.text.hasPrefix("KTAP version 1\n1..2\nok 1 rollback\n# step 1: create session"))
        #expect(tap.text.contains("\nnot ok 2 "))
        let junit = try Command("simulate", "--format", "junit", broken.path)
        #expect(junit.text.contains("tests=\"1\" failures=\"1\""))
        #expect(
            junit.text.contains("<failure message=\"step 1: create session &quot;&quot;: it gives EINVAL, not ok\"/>"))
    }

    @Test func `the first kernel is handed an image`() throws {
        let text =
            #"{"title": "t", "kernel": "7.3", "steps": [{"do": "register_handler", "handler": "memfd"}, {"do": "#
            + #""retrieve_session", "session": "vm-beta"}, {"do": "retrieve", "session": "vm-beta", "token": "#
            + #""0xdeadbeef"}, {"do": "close", "session": "vm-beta"}]}"#
        let scenario = try TemporaryPath(text.utf8)
        let played = try Command("simulate", "--image", "captures/7.3/basic.elf", scenario.path)
        #expect(played.status == 0, "\(played.errors)")
        #expect(played.text.contains("kernel 7.3 takes over; live update 1"))
        #expect(try Command("simulate", scenario.path).status == 1)
    }

    @Test func `the schema names every action`() throws {
        let schema = try Command("schema", "scenario")
        let root = try #require(try JSONSerialization.jsonObject(with: schema.output) as? [String: Any])
        let step = try #require((root["$defs"] as? [String: Any])?["step"] as? [String: Any])
        let forms = try #require(step["oneOf"] as? [[String: Any]])
        let verbs = forms.compactMap { form in
            (((form["properties"] as? [String: Any])?["do"] as? [String: Any])?["enum"] as? [String])?.first
        }
        #expect(verbs.count == forms.count)
        #expect(verbs.contains("kexec") && verbs.contains("fail") && verbs.contains("race"))
        let fail = try #require(forms.first { "\($0)".contains("can_finish") })
        #expect(Set(fail["required"] as? [String] ?? []) == ["do", "of", "operation", "with"])
        let scenario = try #require((root["$defs"] as? [String: Any])?["scenario"] as? [String: Any])
        #expect(scenario["required"] as? [String] == ["title", "kernel"])
    }

    @Test func `all scenarios are as the schema says`() throws {
        let schema = try JSONSchema(try Command("schema", "scenario").output)
        let directory = Fixture.url("scenarios")
        for name in try FileManager.default.contentsOfDirectory(atPath: directory.path) {
            let text = try Data(contentsOf: directory.appending(path: name))
            let violations = schema.violations(of: try JSONDecoder().decode(JSONValue.self, from: text))
            #expect(violations == [], "\(name)")
        }
    }

    @Test func `an expectation that does not hold fails the command`() throws {
        let text = #"{"title": "t", "kernel": "7.3", "steps": [{"do": "create", "session": "", "gives": "ok"}]}"#
        let scenario = try TemporaryPath(text.utf8)
        let failed = try Command("simulate", scenario.path)
        #expect(failed.status == 1)
        #expect(failed.text.contains("NOT AS EXPECTED: it gives EINVAL, not ok"))
    }
}
