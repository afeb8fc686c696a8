import Foundation
import FoundationXML
import TestSupport
import Testing

/// Tests `check`, `diff` and `layout --btf` on real inputs.
@Suite struct CheckCommandTests {
    @Test(arguments: [
        ("cases/debugfs/7.3-before-kexec", 8, "unknown"), ("cases/debugfs/triage-dashes", 8, "unknown"),
        ("cases/debugfs/kho_in-kho_out", 8, "unknown"), ("captures/6.18/debugfs/sender", 8, "unknown"),
        ("captures/6.19/debugfs/sender", 8, "unknown"), ("captures/6.19/debugfs/receiver", 8, "unknown"),
        ("captures/7.1/debugfs/receiver", 8, "unknown"), ("captures/7.3/debugfs/receiver", 8, "unknown"),
        ("captures/7.3/basic.elf", 0, "accepted"), ("cases/check/04-root-rsvmap-misaligned.elf", 7, "ignored"),
        ("cases/check/05b-memblock-fdt-at-4-mod-8.elf", 3, "partly"),
    ])
    func `an input is judged by what it shows`(input: String, status: Int32, verdict: String) throws {
        let command = try Command("check", input)
        #expect(command.status == status)
        #expect(command.text.split(separator: "\n").first?.hasSuffix(": \(verdict)") ?? false, "\(command.text)")
        if status == 8 { #expect(!command.text.contains("error [")) }
        #expect(command.errors == "")
    }

    @Test func `inputs are tests for a harness`() throws {
        let inputs = [
            "captures/7.3/basic.elf", "cases/debugfs/7.3-before-kexec", "cases/check/04-root-rsvmap-misaligned.elf",
            "nope",
        ]
        let tap = try Command(["check", "--format", "tap"] + inputs)
        let lines = tap.text.split(separator: "\n").filter { !$0.hasPrefix("#") }
        #expect(lines.prefix(3) == ["KTAP version 1", "1..4", "ok 1 captures/7.3/basic.elf"])
        #expect(lines[3].hasPrefix("ok 2 cases/debugfs/7.3-before-kexec") && lines[3].hasSuffix(" # SKIP"))
        #expect(lines[4] == "not ok 3 cases/check/04-root-rsvmap-misaligned.elf")
        #expect(lines[5].hasPrefix("not ok 4 nope"))
        #expect(tap.text.contains("\n# error [root-header] root FDT"))
        #expect(tap.status == 7)

        let junit = try Command(["check", "--format", "junit"] + inputs)
        let document = try XMLDocument(data: Data(junit.text.utf8))
        #expect(try document.nodes(forXPath: "/testsuite/testcase").count == 4)
        let failed = try document.nodes(forXPath: "/testsuite/testcase[failure]/@name").first?.stringValue
        #expect(failed == inputs[2])
        #expect(try document.nodes(forXPath: "/testsuite[@failures=1][@errors=1][@skipped=1]").count == 1)
    }

    @Test(arguments: ["plain", "v2", "bad-token"])
    func `a device tree is no handover`(name: String) throws {
        let command = try Command("check", "cases/fdt/\(name).dtb")
        #expect(command.status == 2)
        #expect(command.errors.contains("not a handover"))
    }

    @Test func `a page of FLBs and a luo_ser by themselves are no damage`() throws {
        let command = try Command("check", "captures/7.3/debugfs/sender/out/sub_fdts/LUO")
        #expect(command.status == 8)
        #expect(!command.text.contains("error ["))
    }

    @Test func `JSON says whose a finding is, and what the input shows`() throws {
        let command = try Command("check", "--format", "json", "cases/debugfs/triage-dashes")
        let reports = try #require(try JSONSerialization.jsonObject(with: command.output) as? [[String: Any]])
        #expect(reports.map { $0["side"] as? String } == ["in", "out"])
        #expect(reports.last?["scratch_bytes"] as? Int == 64 << 20)
        let findings = reports.flatMap { $0["findings"] as? [[String: Any]] ?? [] }
        #expect(findings.allSatisfy { $0["owner"] != nil && $0["cause"] != nil })
        #expect(findings.contains { $0["cause"] as? String == "freed" })
        #expect(findings.contains { $0["cause"] as? String == "not-yet-written" })
    }

    @Test func `SARIF names an input that cannot be read, and encodes what is no part of a URI`() throws {
        let directory = try TemporaryPath()
        let odd = directory.url.appending(path: "a b%.elf")
        try FileManager.default.copyItem(
            at: Fixture.url("cases/check/04-root-rsvmap-misaligned.elf"), to: odd)
        let command = try Command("check", "--format", "sarif", odd.path(percentEncoded: false), "cases/fdt/plain.dtb")
        let log = try #require(try JSONSerialization.jsonObject(with: command.output) as? [String: Any])
        let run = try #require((log["runs"] as? [[String: Any]])?.first)
        let invocation = try #require((run["invocations"] as? [[String: Any]])?.first)
        #expect(invocation["executionSuccessful"] as? Bool == false)
        #expect(command.text.contains("a%20b%25.elf"))
        let driver = (run["tool"] as? [String: Any])?["driver"] as? [String: Any]
        #expect(driver?["version"] is String)
    }

    @Test func `diff has a status for what could not be compared`() throws {
        #expect(try Command("diff", "cases/fdt/plain.dtb", "cases/fdt/plain-copy.dtb").status == 0)
        #expect(try Command("diff", "captures/7.3/basic.elf", "captures/7.3/basic.elf").status == 0)
        #expect(try Command("diff", "captures/7.1/basic.elf", "captures/7.3/basic.elf").status == 1)
        let sides = try Command("diff", "captures/7.3/debugfs/sender/out", "captures/7.3/debugfs/receiver/in")
        #expect(sides.status == 3)
        #expect(sides.text.contains("? sessions: in neither input"))
        #expect(try Command("diff", "captures/7.3/debugfs/receiver", "captures/7.3/debugfs/receiver").status == 3)
    }

    @Test(arguments: [
        ("mod.ko", "split BTF"), ("module-split.btf", "split BTF"), ("plain.btf.gz", "gunzip"),
        ("vmlinux-stripped", "no .BTF section"),
    ])
    func `what holds no types is told apart`(name: String, reason: String) throws {
        let command = try Command("layout", "--btf", "cases/btf/\(name)")
        #expect(command.status == 2)
        #expect(command.errors.contains(reason))
    }

    @Test func `a kernel's file tells its machine and all of its names, those in structures too`() throws {
        let layout = try Command("layout", "--btf", "btf/vmlinux-7.3")
        #expect(layout.text.hasPrefix("btf/vmlinux-7.3: x86_64, pages of 4096 bytes, matches 7.2, 7.3\n"))
        #expect(layout.status == 0)
        let skeleton = try Command("layout", "--btf", "btf/vmlinux-7.3", "--skeleton", "7.5")
        #expect(skeleton.text.contains("// Names in the file: kho-v4, luo-v5, memfd-v2\n"), "\(skeleton.text)")
    }

    // MARK: - Two kernels

    @Test(arguments: [
        ("--from btf/tomorrow.btf --to btf/7.3.btf", 5, "luo_session_ser: found 144 bytes, expected 80 bytes"),
        ("--from btf/tomorrow.btf --to btf/tomorrow.btf", 0, ": accepted"),
        ("--from 7.3 --to btf/7.3.btf", 0, ": accepted"),
        // Fields of kho_data have other names, at the same offsets.
        ("--from 7.3 --to 7.4", 0, ": accepted"),
        ("--from 7.0 --to 6.19", 3, "[flb-unknown]"),
        ("--from 6.19 --to 6.18", 3, "[luo-unknown]"),
        ("--from 7.3 --to 7.3 --page-size 16384 --kernel-page-size 4096", 5, "[page-size]"),
    ])
    func `two kernels are held against each other by all that is known of both`(
        arguments: String, status: Int32, text: String
    ) throws {
        let command = try Command(["check"] + arguments.split(separator: " ").map(String.init))
        #expect(command.status == status)
        #expect(command.text.contains(text), "\(command.text)")
    }

    @Test func `layout holds a kernel's types against the release that is asked for`() throws {
        let command = try Command("layout", "--btf", "btf/7.3.btf", "--kernel", "7.1")
        #expect(command.status == 1)
        #expect(command.text.contains("differs from 7.1 in "))
    }

    /// Debian's kernels are built this way. Like them, Fixtures/btf/without-kho.btf has the structures of the boot
    /// protocol.
    @Test func `a kernel without KHO takes nothing over`() throws {
        let types = "btf/without-kho.btf"
        let layout = try Command("layout", "--btf", types)
        #expect(layout.text.contains("has no KHO"), "\(layout.text)")
        for arguments in [
            ["--kernel", "./" + types, "captures/7.3/basic.elf"], ["--from", "7.3", "--to", "./" + types],
        ] {
            let command = try Command(["check"] + arguments)
            #expect(command.status == 7)
            #expect(command.text.contains("[kernel-without-kho]"), "\(command.text)")
        }
    }

    // MARK: - Inputs that cannot be read

    @Test(arguments: [
        ("junit", "<testcase name=\"nowhere\">\n    <error message=\"nowhere: "),
        ("tap", "# nowhere: cannot be opened: No such file or directory\nnot ok 1 nowhere\n"),
        ("github", "::error file=nowhere,title=unreadable::"), ("json", "\"status\": 2"),
    ])
    func `an input that cannot be read is a result, in its place`(format: String, text: String) throws {
        let command = try Command("check", "-f", format, "nowhere", "captures/7.3/basic.elf")
        #expect(command.status == 2)
        #expect(command.text.contains(text), "\(command.text)")
    }

    @Test func `a name with a line feed makes no result of its own`() throws {
        let command = try Command("check", "-f", "tap", "no\nok 5 where")
        #expect(command.text.split(separator: "\n").filter { $0.hasPrefix("ok") } == [])
    }
}
