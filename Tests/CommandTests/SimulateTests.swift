import Foundation
import Testing

@Suite struct SimulateTests {
    @Test func `a trace is told as a story, and as JSON`() throws {
        let story = try Command("simulate", "scenarios/rollback.json")
        #expect(story.status == 0)
        #expect(story.errors == "")
        #expect(story.output == (try Data(contentsOf: Fixture.directory.appending(path: "golden/simulate/rollback.txt"))))
        let json = try Command("simulate", "--trace", "json", "scenarios/rollback.json")
        #expect(json.output == (try Data(contentsOf: Fixture.directory.appending(path: "golden/simulate/rollback.json"))))
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
        #expect(refused.errors.contains(".: unknown key \"stepps\""))
        let missing = try Command("simulate", "scenarios/basic.json", "--at", "other", "-o", "x.elf")
        #expect(missing.status == 2)
        #expect(missing.errors.contains("no kexec is called \"other\"; there are: basic"))
    }

    @Test func `an expectation that does not hold fails the command`() throws {
        let text = #"{"title": "t", "kernel": "7.3", "steps": [{"do": "create", "session": "", "gives": "ok"}]}"#
        let scenario = try TemporaryPath(text.utf8)
        let failed = try Command("simulate", scenario.path)
        #expect(failed.status == 1)
        #expect(failed.text.contains("NOT AS EXPECTED: it gives EINVAL, not ok"))
    }
}
