import Foundation
import KernelABI
import SystemPackage
import TestSupport
import Testing

@testable import Handover

/// Tests payloads described by a user, and systemd's mapping.
@Suite struct KindTests {
    /// A description with all fields, and one that takes its structures from a kernel's types.
    static let descriptions = [
        ["--kinds", "kinds/rings.json"], ["--kinds", "kinds/rings-btf.json", "--btf", "kinds/rings.btf"],
    ]

    @Test(arguments: descriptions)
    func `a description builds the bytes that its driver would write, and reads them`(kinds: [String]) throws {
        let path = try TemporaryPath()
        let image = path.url.appending(path: "h.elf").path()
        let built = try Command(["build"] + kinds + ["kinds/rings-handover.json", "-o", image])
        #expect(built.status == 0, "\(built.errors)")
        let memory = try MemoryImage(path: FilePath(image), options: InputOptions()).memory
        for (address, bytes) in Self.expected {
            let page = try memory.withBytes(at: PhysicalAddress(address), count: 4096) { page in
                (0..<4096).map { page.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
            }
            let whole = bytes + [UInt8](repeating: 0, count: 4096 - bytes.count)
            #expect(page == whole, "at 0x\(String(address, radix: 16))")
        }

        let dump = try Command(["dump", "-f", "json"] + kinds + [image])
        #expect(dump.status == 0)
        func object(_ data: Data) throws -> [String: Any] {
            try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        }
        let luo = try #require(try object(dump.output)["luo"] as? [String: Any])
        var flb = try #require((luo["flbs"] as? [[String: Any]])?.first?["payload"] as? [String: Any])
        #expect(flb.removeValue(forKey: "version") as? Int == 3)
        #expect(flb.removeValue(forKey: "first_pa") as? String == "0x10005000")
        #expect(
            (flb.removeValue(forKey: "first_blocks") as? [[String: Any]])?.map { $0["count"] as? Int } == [170, 10])
        let given = try object(Data(contentsOf: Fixture.url("kinds/rings-handover.json")))
        var expected = try #require((given["flbs"] as? [[String: Any]])?.first?["payload"] as? [String: Any])
        if kinds.count == 2 {
            // A description can mark a field as hexadecimal; BTF cannot.
            expected["first"] = (expected["first"] as? [[String: Any]])?.map { record in
                record.merging(["id": "0x" + String(record["id"] as? Int ?? 0, radix: 16)]) { $1 }
            }
        }
        #expect(NSDictionary(dictionary: flb) == NSDictionary(dictionary: expected))

        let tree = try Command(["dump"] + kinds + [image]).text
        #expect(tree.contains("└─ first  180 records\n"), "\(tree)")
        #expect(tree.contains("├─ [3]  id "), "\(tree)")
        #expect(!tree.contains("[4]") && tree.contains("└─ … 176 more\n"), "\(tree)")

        // Records in an area cross page boundaries.
        let hex = try Command(["dump", "-f", "hex"] + kinds + [image]).text
        for field in ["blob_folio_ser[0].pfn", "blob_folio_ser[170].crc", "blob_folio_ser[171].index"] {
            #expect(hex.contains(field))
        }

        let document = path.url.appending(path: "h.json")
        try dump.output.write(to: document)
        let again = path.url.appending(path: "again.elf").path()
        #expect(try Command(["build"] + kinds + [document.path(), "-o", again]).status == 0)
        #expect(try Command(["dump", "-f", "json"] + kinds + [again]).output == dump.output)
        let check = try Command(["check", "--handler", "blob-file-v1"] + kinds + [image])
        #expect(check.text.hasSuffix(": accepted\n") && check.status == 0, "\(check.text)")
    }

    /// The pages that a driver would write, created by hand.
    private static let expected: [(UInt64, [UInt8])] = {
        func word(_ value: UInt64, _ count: Int) -> [UInt8] {
            (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
        }
        func text(_ text: String, _ count: Int) -> [UInt8] {
            Array(text.utf8) + [UInt8](repeating: 0, count: count - text.utf8.count)
        }
        var records: [[UInt8]] = []
        for index in 0..<UInt64(180) {
            let bits = index % 16 | index * 7 << 4
            records.append(word(0x1000 + index, 8) + word(index * 3, 4) + word(bits, 4) + text("t\(index)", 8))
        }
        var folios: [UInt8] = []
        for index in 0..<UInt64(172) { folios += word((0x1000a + index) | 5 << 52, 8) + word(index, 8) + word(0, 8) }
        var payload = word(3, 4) + word(0xffff_fffb, 4) + word(180, 2)
        payload += word(1, 2) + word(2, 2) + word(65535, 2) + word(0x1000_5000, 8)
        payload += text("abcdefghijk", 12) + word(0, 4) + word(7, 8) + word(99, 8)
        var file = word(172 * 4096 - 100, 8) + word(17, 8) + word(3, 4) + word(172, 4)
        file += word(0x100b_6000, 8) + word(2, 4) + word(1, 4)
        return [
            (0x1000_4000, payload),
            (0x1000_5000, word(0x1000_6000, 8) + word(170, 8) + records[..<170].joined()),
            (0x1000_6000, word(0, 8) + word(10, 8) + records[170...].joined()),
            (0x1000_9000, file),
            (0x1000_a000, Array("hello blob".utf8)),
            (0x100b_6000, word(0, 8) + word(0x100b_7000, 8) + word(0x100b_8000, 8)),
            (0x100b_7000, Array(folios[..<4096])),
            (0x100b_8000, Array(folios[4096...])),
        ]
    }()

    @Test func `rules of a description are listed, explained, and turned off`() throws {
        let path = try TemporaryPath()
        let kinds = path.url.appending(path: "kinds.json")
        var text = try String(contentsOf: Fixture.url("kinds/rings.json"), encoding: .utf8)
        text = text.replacing(
            #""values": [3] } }"#,
            with: #""values": [3] }, "rules": [{"rule": "rings-id", "test": "limit", "field": "first.id", "#
                + #""most": 4096, "verdict": "panic", "function": "rings_restore", "#
                + #""consequence": "the driver panics"}] }"#)
        try text.write(to: kinds, atomically: true, encoding: .utf8)
        let image = path.url.appending(path: "h.elf").path()
        let arguments = ["--kinds", kinds.path()]
        #expect(try Command(["build"] + arguments + ["kinds/rings-handover.json", "-o", image]).status == 0)
        #expect(try Command(["check", "--rules"] + arguments).text.contains("rings-id"))
        #expect(try Command(["check", "--explain", "rings-id"] + arguments).text.contains("rings_restore()"))
        let check = ["check", "--handler", "blob-file-v1"] + arguments
        let report = try Command(check + [image])
        #expect(report.status == 6)
        #expect(
            report.text.contains(
                "error [rings-id] ring_rec.id of FLB \"ring-flb-v3\" at 0x10005028: found 4097, expected 0 to 4096"))
        #expect(try Command(check + ["-W", "no-rings-id", image]).status == 0)
        let sarif = try Command(check + ["-f", "sarif", image]).text
        #expect(sarif.contains(#""id": "rings-id""#) && sarif.contains("rings_restore"))
        #expect(try Command(check + ["-f", "json", image]).text.contains(#""address": "0x10005028""#))
    }

    // MARK: - systemd

    private func build(_ document: String, in path: TemporaryPath) throws -> String {
        let image = path.url.appending(path: "h.elf").path()
        let command = try Command("build", document, "-o", image)
        #expect(command.status == 0, "\(command.errors)")
        return image
    }

    @Test func `systemd's units and the names of their descriptors are shown`() throws {
        let path = try TemporaryPath()
        let image = try build("cases/systemd/good.json", in: path)
        let dump = try Command("dump", image)
        for line in [
            "memcached.service  cache  0x1", "memcached.service  conns  0x2",
            "vmm@alpha.service  vm     session vm-alpha",
        ] {
            #expect(dump.text.contains(line), "\(dump.text)")
        }
        #expect(try Command("check", image).text.hasSuffix(": accepted\n"))
    }

    @Test func `a mapping that names a token that is not there is a warning`() throws {
        let path = try TemporaryPath()
        let image = try build("cases/systemd/token-lost.json", in: path)
        #expect(try Command("dump", image).text.contains("0x2, which does not exist"))
        let check = try Command("check", image)
        #expect(check.status == 0)
        #expect(
            check.text.contains(
                "warning [systemd-token] mapping.units.memcached.service.fdstore[1] of session \"systemd\", "
                    + "token 0x0 at 0x"))
        #expect(check.text.contains("found token 0x2, \"conns\", expected the token of a file of the session"))
        #expect(check.text.split(separator: "\n").count == 3)
    }

    @Test(arguments: [
        (#""version":1"#, #""version":2"#, "systemd-version"), (#""version":1"#, #""version":1,"#, "systemd-json"),
        (#""name": "vm-alpha""#, #""name": "vm-beta""#, "systemd-session"), (#""version":1,"#, "", "systemd-version"),
        (#""token":2"#, #""token":"2""#, "systemd-token"), (#""sessionName":"#, #""session":"#, "systemd-token"),
    ])
    func `what systemd would not restore is a warning`(old: String, new: String, rule: String) throws {
        let path = try TemporaryPath()
        let document = path.url.appending(path: "h.json")
        let text = try String(contentsOf: Fixture.url("cases/systemd/good.json"), encoding: .utf8)
        // In the document, the mapping is a string.
        func escaped(_ text: String) -> String { text.contains(": ") ? text : text.replacing("\"", with: "\\\"") }
        try text.replacing(escaped(old), with: escaped(new)).write(to: document, atomically: true, encoding: .utf8)
        let check = try Command("check", try build(document.path(), in: path))
        #expect(check.status == 0)
        #expect(check.text.contains("warning [\(rule)]"), "\(check.text)")
        #expect(check.text.split(separator: "\n").count == 3)
    }

    @Test func `build makes systemd's mapping of the units in the document`() throws {
        let path = try TemporaryPath()
        let document = path.url.appending(path: "h.json")
        try #"""
        {"kernel": "7.3", "sessions": [{"name": "systemd", "files": [{"token": 1, "memfd": {"text": "a"}}],
         "mapping": {"state": {"kexecsCount": 1}, "units": {"a.service": {"fdstore": [
          {"type": "fd", "name": "x", "token": 1}]}}}}]}
        """#.write(to: document, atomically: true, encoding: .utf8)
        let image = try build(document.path(), in: path)
        #expect(try Command("dump", image).text.contains("a.service  x  0x1"))
        #expect(try Command("check", image).text.hasSuffix(": accepted\n"))
        let mapping = try JSONSerialization.jsonObject(
            with: Command("extract", image, "--session", "systemd", "--token", "0", "-o", "-").output)
        let object = try #require(mapping as? [String: Any])
        #expect(object["version"] as? Int == 1)
        let dump = try Command("dump", "-f", "json", image)
        #expect(dump.text.contains(#""mapping": {"version": 1, "state""#))
    }
}
