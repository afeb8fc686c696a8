import Foundation
import TestSupport
import Testing

/// Tests the behaviour of `luo-fdt dump` for users.
@Suite struct DumpTests {
    static let image = "captures/7.3/basic.elf"

    private func json(_ command: Command) throws -> [String: JSONValue] {
        guard case .object(let object) = try JSONDecoder().decode(JSONValue.self, from: command.output) else {
            return [:]
        }
        return object
    }

    // MARK: Exit statuses

    @Test func wholeHandoverEndsWith0() throws {
        let command = try Command("dump", Self.image)
        #expect(command.status == 0)
        #expect(command.errors == "")
        #expect(command.text.contains("vm-alpha"))
    }

    @Test func damageEndsWith1AndIsNamed() throws {
        // The same bytes as in debugfs, where the kernel itself would truncate them.
        let input = "captures/7.3/debugfs/receiver/in/sub_fdts/LUO"
        let command = try Command("dump", "--as", "luo", input)
        #expect(command.status == 2)
        let cut = try TemporaryPath(try Fixture.bytes("captures/7.3/basic.elf").dropLast(4096))
        let damaged = try Command("dump", cut.path)
        #expect(damaged.status == 1)
        #expect(damaged.errors.hasPrefix("luo-fdt: \(cut.path): "))
        // All missing data has one cause.
        #expect(damaged.errors.split(separator: "\n").count == 1)
    }

    @Test func whatDebugFSCannotShowIsNoDamage() throws {
        let command = try Command("dump", "captures/7.3/debugfs/receiver")
        #expect(command.status == 0)
        #expect(command.errors == "")
        #expect(command.text.contains("7.3.4"))
        #expect(command.text.contains("freed by the kernel since"))
        #expect(try Command("dump", "captures/7.3/debugfs/sender").text.contains("sessions  written at kexec"))
    }

    @Test func unreadableInputEndsWith2() throws {
        let empty = try TemporaryPath([])
        let directory = try TemporaryPath()
        for path in ["no-such-file", empty.path, directory.path, "kernel-layouts.json"] {
            let command = try Command("dump", path)
            #expect(command.status == 2, "\(path)")
            #expect(command.text == "")
            #expect(command.errors.hasPrefix("luo-fdt: \(path)"), "\(command.errors)")
        }
    }

    @Test(arguments: [
        ["dump", "--format", "picture", image], ["dump", "--page-size", "5000", image],
        ["dump", "--kernel", "new", image], ["dump", "--as", "bogus", image], ["help", "nosuch"],
        ["dump", "--fdt-pa", "here", image], ["dump", "--subtree", "LUO", image],
        ["dump", "--fdt-pa", "0x1000", "--setup-data", "x", image], ["dump", "--no-such-option", image], ["dance"],
    ])
    func wrongUsageEndsWith64(_ arguments: [String]) throws {
        let command = try Command(arguments)
        #expect(command.status == 64)
        #expect(command.text == "")
        #expect(command.errors.contains("Usage: luo-fdt"))
    }

    @Test func worstInputDecides() throws {
        let command = try Command("dump", Self.image, "no-such-file", "captures/7.3/debugfs/receiver")
        #expect(command.status == 2)
        #expect(command.text.contains("vm-alpha"))
        #expect(command.text.contains("captures/7.3/debugfs/receiver/in"))
        #expect(command.errors.split(separator: "\n").count == 1)
    }

    @Test(arguments: ["dump", "layout", "schema"]) func helpIsThere(_ name: String) throws {
        let command = try Command(name, "--help")
        #expect(command.status == 0)
        #expect(command.text.contains("USAGE: luo-fdt \(name)"))
    }

    @Test func helpSaysHowTheCommandEnds() throws {
        for arguments in [["--help"], ["dump", "--help"]] {
            let text = try Command(arguments).text
            #expect(text.contains("EXIT STATUS"))
            for status in ["0 ", "1 ", "2 ", "64 "] { #expect(text.contains("  \(status)")) }
        }
    }

    @Test(arguments: ["bash", "zsh", "fish"]) func completionIsThere(_ shell: String) throws {
        let command = try Command("--generate-completion-script", shell)
        #expect(command.status == 0)
        #expect(command.text.contains("setup-data"))
    }

    // MARK: Inputs

    @Test func standardInputIsRead() throws {
        let file = try Command("dump", "--format", "json", Self.image)
        #expect(try Command("dump", "--format", "json", "-", input: Self.image).output == file.output)
        let nothing = try Command("dump", "-")
        #expect(nothing.status == 2)
        #expect(nothing.errors.hasPrefix("luo-fdt: standard input"))
    }

    @Test func wrongGuessListsWhatWasTried() throws {
        let command = try Command("dump", "--as", "memblock", Self.image)
        #expect(command.status == 2)
        #expect(
            command.errors == """
                luo-fdt: captures/7.3/basic.elf: not recognised; tried:
                  memblock: it does not begin with the magic number of an FDT
                  elf: was not tried, but would fit

                """)
    }

    @Test func garbageListsAllThatWasTried() throws {
        let garbage = try TemporaryPath((0..<200).map { UInt8(truncatingIfNeeded: $0 * 37 + 11) })
        let errors = try Command("dump", garbage.path).errors
        for kind in ["elf", "root", "luo-fdt", "memblock", "fdt", "luo", "kexec-metadata", "flb", "dump"] {
            #expect(errors.contains("\n  \(kind): "), "\(kind)")
        }
    }

    @Test func truncatedImageIsReadOrRefused() throws {
        let bytes = try Fixture.bytes(Self.image)
        for length in [1, 16, 63, 64, 65, 119, 120, 4096, 8192, 100_000, 200_000, 300_000, bytes.count - 1] {
            let file = try TemporaryPath(bytes.prefix(length))
            let command = try Command("dump", "--format", "json", file.path)
            #expect(command.status == 1 || command.status == 2, "\(length) bytes")
            #expect(command.errors.hasPrefix("luo-fdt: "), "\(length) bytes")
            #expect((command.status == 1) == !command.output.isEmpty, "\(length) bytes")
            if command.status == 1 { #expect(command.errors.contains("truncated: \(length) of"), "\(length) bytes") }
        }
    }

    @Test func rootIsWhereTheUserSays() throws {
        let found = try json(try Command("dump", "--format", "json", Self.image))
        for arguments in [
            ["--fdt-pa", "0x4c9000"], ["--setup-data", "captures/7.3/debugfs/receiver-setup_data/1/data"],
        ] {
            let told = try json(try Command(["dump", "--format", "json"] + arguments + [Self.image]))
            #expect(told["luo"] == found["luo"])
            #expect(told["preserved"] == found["preserved"])
        }
        let wrong = try Command("dump", "--fdt-pa", "0x1000", Self.image)
        #expect(wrong.status == 2)
        #expect(wrong.errors.contains("root FDT at 0x1000: found "))
    }

    @Test func memoryBesideABlobIsFollowed() throws {
        let blob = "captures/7.1/debugfs/receiver/in/sub_fdts/LUO"
        let alone = try Command("dump", blob)
        #expect(alone.status == 0)
        #expect(alone.errors == "")
        #expect(alone.text.contains("not available"))
        let followed = try Command("dump", "--memory", "captures/7.1/basic.elf", blob)
        #expect(followed.status == 0)
        #expect(followed.text.contains("vm-alpha"))
        #expect(!followed.text.contains("not available"))
    }

    // MARK: Formats

    @Test func numbersKeepTheirPrecision() throws {
        let text = try Command("dump", "--format", "json", "captures/7.3/names.elf").text
        #expect(text.contains("\"token\": \"0xffffffffffffffff\""))
        #expect(text.contains("gäste/β-1"))
    }

    @Test(arguments: GoldenTests.captures) func documentFollowsThePublishedSchema(_ capture: String) throws {
        let published = try Data(contentsOf: Fixture.url("../docs/handover.schema.json"))
        let schema = try JSONSchema(published)
        let document = try JSONDecoder().decode(
            JSONValue.self, from: try Command("dump", "--format", "json", "captures/\(capture).elf").output)
        #expect(schema.violations(of: document) == [])
        for key in ["kernel", "kho", "preserved"] { #expect(document[key] != nil, "\(key)") }
    }

    @Test func schemaRefusesWhatIsNoHandover() throws {
        let schema = try JSONSchema(try Command("schema").output)
        for text in [
            #"{"kernel": 7}"#, #"{"sesions": []}"#, #"{"luo": {"sessions": [{"files": []}]}}"#, "[]",
            #"{"kho": {"fdt_pa": "4c9000h"}}"#, #"{"page_size": 5000}"#,
        ] {
            let document = try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
            #expect(schema.violations(of: document) != [], "\(text)")
        }
    }

    @Test func `descriptions of kinds follow their schema`() throws {
        let schema = try JSONSchema(try Command("schema", "kinds").output)
        let catalogue = Fixture.url("../Sources/Handover/Contents/Catalogue")
        let names = try FileManager.default.contentsOfDirectory(atPath: catalogue.path())
        #expect(names.count > 10)
        for name in names {
            let text = try Data(contentsOf: catalogue.appending(path: name))
            #expect(schema.violations(of: try JSONDecoder().decode(JSONValue.self, from: text)) == [], "\(name)")
        }
        for text in [#"{"kinds": [{"kind": "a", "place": "nowhere"}]}"#, #"{"structure": []}"#] {
            #expect(schema.violations(of: try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))) != [])
        }
    }

    @Test func oneBlobAloneIsShown() throws {
        let root = try Command("dump", "--format", "dts", "--subtree", "kho", Self.image)
        #expect(root.status == 0)
        #expect(root.text.split(separator: "\n").filter { $0 == "/dts-v1/;" }.count == 1)
        #expect(root.text.contains("compatible = \"kho-v4\";"))
        let luo = try Command("dump", "--format", "hex", "--subtree", "LUO", Self.image)
        #expect(luo.text.contains("luo_ser.sessions_pa"))
        #expect(!luo.text.contains("memblock"))
        let none = try Command("dump", "--format", "hex", "--subtree", "nobody", Self.image)
        #expect(none.status == 2)
        #expect(none.errors.contains("there are kho, memblock, LUO"))
    }

    @Test func sourceCompilesToTheSameTree() throws {
        for blob in ["kho", "memblock", "kho_test"] {
            let source = try Command("dump", "--format", "dts", "--subtree", blob, Self.image).text
            let compiled = try TemporaryPath(DeviceTreeCompiler.compile(source))
            let again = try Command("dump", "--format", "dts", compiled.path).text
            let lines = { (text: String) in text.split(separator: "\n").filter { !$0.hasPrefix("/*") } }
            #expect(lines(again) == lines(source), "\(blob)")
        }
    }

    @Test func coloursAreForTerminals() throws {
        let plain = try Command("dump", Self.image).text
        #expect(!plain.contains("\u{1b}"))
        #expect(try Command("dump", "--color", "never", Self.image).text == plain)
        let coloured = try Command("dump", "--color", "always", Self.image).text
        #expect(coloured.contains("\u{1b}["))
        #expect(coloured.replacing(try Regex("\u{1b}\\[[0-9;]*m"), with: "") == plain)
    }

    @Test func `lines are the records of the document`() throws {
        let lines = try Command("dump", "--format", "jsonl", Self.image).text.split(separator: "\n").map { line in
            try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        }
        let kinds = lines.map { $0["record"] as? String }
        #expect(
            kinds == ["handover", "session", "file", "file", "file", "session", "file", "session", "flb", "flb", "flb"])
        let files = lines.filter { $0["record"] as? String == "file" }
        #expect(files.map { $0["session"] as? String } == ["vm-alpha", "vm-alpha", "vm-alpha", "vm-beta"])
        #expect(files.map { $0["token"] as? String } == ["0x1000", "0x1001", "0x1002", "0xdeadbeef"])
        // Each record equals that of the document.
        let document = try JSONSerialization.jsonObject(with: Command("dump", "--format", "json", Self.image).output)
        let luo = try #require((document as? [String: Any])?["luo"] as? [String: Any])
        let flbs = lines.filter { $0["record"] as? String == "flb" }.map { $0.filter { $0.key != "record" } }
        #expect((flbs as NSArray).isEqual(to: try #require(luo["flbs"] as? [Any])))

        let two = try Command("dump", "--format", "jsonl", Self.image, "captures/7.3/empty.elf").text
        #expect(two.split(separator: "\n").allSatisfy { $0.hasPrefix("{\"input\": \"captures/7.3/") })
        let verdicts = try Command("check", "--format", "jsonl", Self.image, "captures/7.3/empty.elf").text
        #expect(verdicts.split(separator: "\n").count == 2)
    }

    @Test func `text is no handover, and a document has to be built first`() throws {
        let document = try Command("dump", "examples/readme.json")
        #expect(document.status == 2)
        #expect(
            document.errors == """
                luo-fdt: examples/readme.json: this is not a handover: it is JSON; a document has to be built first: \
                luo-fdt build

                """)
        #expect(
            try Command("check", "/etc/passwd").errors == "luo-fdt: /etc/passwd: this is not a handover: it is text\n")
    }

    @Test(arguments: [
        (["dmp", "x"], "Unknown command \"dmp\"; did you mean \"dump\"?"),
        (["help", "nosuch"], "Unknown command \"nosuch\"."),
        (["check", "--explain", "root-heade"], "Unknown rule \"root-heade\"; did you mean \"root-header\"?"),
        (["check", "--rules", "-f", "json"], "--rules and --explain have their own format; remove --format."),
    ])
    func `what does not exist is named, with what is near`(arguments: [String], message: String) throws {
        let command = try Command(arguments)
        #expect(command.status == 64)
        #expect(command.errors.hasPrefix("Error: \(message)"), "\(command.errors)")
    }

    @Test func readerThatGoesAwayIsNoError() throws {
        let command = try Command(
            shell: """
                set -o pipefail; trap '' PIPE; $luo dump --format hex \(Self.image) \(Self.image) | head -c 10
                """, executable: URL(filePath: "/bin/bash"))
        #expect(command.status == 0)
        #expect(command.errors == "")
        #expect(command.output.count == 10)
    }

    @Test func fullDeviceIsAnError() throws {
        let command = try Command(shell: "$luo dump \(Self.image) > /dev/full")
        #expect(command.status == 2)
        #expect(command.errors.hasPrefix("luo-fdt: standard output: "))
    }
}
