import Foundation
import Handover
import KernelABI
import TestSupport
import Testing

/// Tests questions about a handover that are answered without showing all of it.
@Suite struct QuestionTests {
    private static let image = "captures/7.3/basic.elf"

    // MARK: - dump --at

    @Test(arguments: [
        // The first block of files: its first record's token, and the session record that refers to it.
        (
            "0xebd048",
            ["files of session \"vm-alpha\", block 1", "luo_file_ser[0]", "luo_session_ser[0].file_set_ser.files"]
        ),
        // The second page of a file.
        (
            "0xeca010",
            [
                "contents of session \"vm-beta\", token 0xdeadbeef", "byte 4112 of the file",
                "memfd_luo_folio_ser[1].pfn",
            ]
        ),
        // LUO's state, which a property of the root refers to.
        ("0xea2000", ["subtree of LUO", "luo_ser.compatible", "\"LUO\" \"preserved-data\""]),
        ("0x1fb99004", ["region of region \"testblk\""]),
        (
            "0x10",
            ["not part of the handover", "not preserved", "nothing in the handover points to it"]
        ),
    ])
    func anAddressIsExplained(_ address: String, _ words: [String]) throws {
        let command = try Command("dump", "--at", address, Self.image)
        #expect(command.status == 0)
        for word in words { #expect(command.text.contains(word), "\(word) in \(command.text)") }
    }

    @Test func severalAddressesAreExplainedInTheirOrder() throws {
        let command = try Command("dump", "--at", "0x10", "--at", "0xea2000", Self.image)
        let first = try #require(command.text.range(of: "0x10 "))
        let second = try #require(command.text.range(of: "0xea2000"))
        #expect(first.lowerBound < second.lowerBound)
    }

    @Test func withoutAMapItIsNotKnownWhatIsPreserved() throws {
        let command = try Command("dump", "--at", "0xea2000", "captures/7.3/debugfs/sender")
        #expect(command.text.contains("not known whether it is preserved"))
    }

    // MARK: - dump --preserved

    @Test func preservedRangesAreLinesForAwk() throws {
        let command = try Command(
            shell: "\"$luo\" dump --preserved \(Self.image) | awk '{ bytes += $3 } END { print NR, bytes }'")
        #expect(command.text == "17 \(2110 * 4096)\n")
    }

    // MARK: - dump --session, --token, --flb

    @Test func aSessionIsShownAlone() throws {
        let command = try Command("dump", "--session", "vm-beta", Self.image)
        #expect(command.status == 0)
        #expect(command.text.contains("vm-beta"))
        #expect(!command.text.contains("vm-alpha"))
        #expect(!command.text.contains("preserved memory"))
    }

    @Test func aFileIsShownAlone() throws {
        let command = try Command("dump", "--format", "json", "--session", "vm-alpha", "--token", "0x1001", Self.image)
        let document = try #require(try JSONSerialization.jsonObject(with: command.output) as? [String: Any])
        let luo = try #require(document["luo"] as? [String: Any])
        let sessions = try #require(luo["sessions"] as? [[String: Any]])
        #expect(sessions.count == 1)
        let files = try #require(sessions[0]["files"] as? [[String: Any]])
        #expect(files.map { $0["token"] as? String } == ["0x1001"])
        #expect(document["residue"] == nil)
    }

    @Test func anFLBIsShownAlone() throws {
        let command = try Command("dump", "--flb", "liveupdate-test-flb-v1", Self.image)
        #expect(command.text.contains("0xfeedf00dcafebee1"))
        #expect(!command.text.contains("0xfeedf00dcafebee2"))
    }

    @Test(arguments: [
        (["--session", "vm"], "no session \"vm\"; there are vm-alpha, vm-beta, empty"),
        (["--session", "vm-beta", "--token", "1"], "no token 0x1; there are 0xdeadbeef"),
        (["--flb", "x"], "no FLB \"x\"; there are liveupdate-test-flb-v0"),
    ])
    func whatIsNotThereIsNamed(_ arguments: [String], _ message: String) throws {
        let command = try Command(["dump"] + arguments + [Self.image])
        #expect(command.status == 2)
        #expect(command.text == "")
        #expect(command.errors.contains(message))
    }

    // MARK: - -q

    @Test func quietOnlyTellsByItsStatus() throws {
        for command in ["dump", "check"] {
            let fine = try Command(command, "-q", Self.image)
            #expect(fine.status == 0)
            #expect(fine.text + fine.errors == "")
            #expect(try Command(command, "-q", "fdt/board.dtb", "golden").status == 2)
        }
    }

    // MARK: - check --explain

    @Test func everyRuleIsExplained() throws {
        for rule in CheckRule.all {
            #expect(!rule.explanation.remedy.isEmpty && !rule.explanation.kernels.isEmpty, "\(rule.name)")
        }
        let command = try Command("check", "--explain", "session-chain")
        #expect(command.status == 0)
        for word in ["panic", "kho_block_set_restore()", "7.2 and later", "remedy"] {
            #expect(command.text.contains(word))
        }
        #expect(try Command("check", "--explain", "no-rule").status == 64)
    }

    /// A finding names the known defect that explains it; that name can be looked up, too.
    @Test func everyKnownDefectIsExplained() throws {
        for defect in KernelDefect.all {
            let text = try Command("check", "--explain", defect.name).text
            #expect(text.contains("  defect       \(defect.symptom)\n") && text.contains(defect.consequence))
        }
    }

    // MARK: - extract --all

    @Test func allFilesAreExtracted() throws {
        let directory = try TemporaryPath()
        let output = directory.url.appending(path: "files")
        #expect(try Command("extract", Self.image, "--all", "-o", output.path()).status == 0)
        let names = FileManager.default.subpaths(atPath: output.path()) ?? []
        #expect(
            names.sorted() == [
                "empty", "vm-alpha", "vm-alpha/0x1000", "vm-alpha/0x1001", "vm-alpha/0x1002", "vm-beta",
                "vm-beta/0xdeadbeef",
            ])
        let single = try Command("extract", Self.image, "--session", "vm-beta", "--token", "0xdeadbeef", "-o", "-")
        #expect(try Data(contentsOf: output.appending(path: "vm-beta/0xdeadbeef")) == single.output)
    }

    @Test func namesFromAnImageStayInTheDirectory() throws {
        let directory = try TemporaryPath()
        let document = directory.url.appending(path: "hostile.json")
        let names = ["../../up", "..", "/etc", "a b", "%41"]
        let sessions = names.map { #"{"name": "\#($0)", "files": [{"token": 1, "memfd": {"text": "x"}}]}"# }
        try Data(#"{"kernel": "7.3", "sessions": [\#(sessions.joined(separator: ","))]}"#.utf8).write(to: document)
        let image = directory.url.appending(path: "hostile.elf").path()
        let built = try Command("build", document.path(), "-o", image)
        #expect(built.status == 0, "\(built.errors)")
        let output = directory.url.appending(path: "files").path()
        #expect(try Command("extract", image, "--all", "-o", output).status == 0)
        let found = FileManager.default.subpaths(atPath: output) ?? []
        #expect(
            found.filter { $0.hasSuffix("/0x1") }.sorted() == [
                "%2541/0x1", "%2E.%2F..%2Fup/0x1", "%2E./0x1", "%2Fetc/0x1", "a%20b/0x1",
            ])
    }

    // MARK: - Completion

    @Test func namesAreCompleted() throws {
        let rules = try Command("--generate-completion-script", "bash").text
        #expect(rules.contains("session-chain"))
        let sessions = try Command(
            "---completion", "extract", "--", "--session", "4", "0", "luo-fdt", "extract", Self.image, "--session", "")
        #expect(sessions.text == "vm-alpha\nvm-beta\nempty\n")
    }
}
