import Foundation
import TestSupport
import Testing

/// Tests what `build`, `collect` and `extract` write and refuse.
@Suite struct BuildTests {
    @Test(arguments: GoldenBuildTests.examples) func everyFormHoldsTheSame(_ name: String) throws {
        let directory = try TemporaryPath()
        let places = ["image.elf", "image.dtb", "image"].map { directory.url.appending(path: $0).path() }
        var documents: Set<String> = []
        for place in places {
            try #require(try Command("build", "examples/\(name).json", "-o", place).status == 0)
            let dump = try Command("dump", "--format", "json", place)
            #expect(dump.errors == "")
            #expect(dump.status == 0)
            documents.insert(dump.text)
        }
        #expect(documents.count == 1)
    }

    @Test func subtreesAreWrittenAlone() throws {
        let root = try Command("build", "examples/readme.json", "--subtree", "kho", "-o", "-")
        #expect(root.output.prefix(4) == Data([0xd0, 0x0d, 0xfe, 0xed]))
        let luo = try Command("build", "examples/readme.json", "--subtree", "LUO", "-o", "-")
        #expect(luo.output.count == 32)
        #expect(luo.output.prefix(7) == Data("luo-v5\0".utf8))
        let missing = try Command("build", "examples/readme.json", "--subtree", "nothing", "-o", "-")
        #expect(missing.status == 2)
        #expect(missing.errors.contains("there are kho, memblock, LUO, kexec-metadata"))
    }

    @Test func contentsComeBack() throws {
        let directory = try TemporaryPath()
        let image = directory.url.appending(path: "image.elf").path()
        try #require(try Command("build", "examples/readme.json", "-o", image).status == 0)
        let copy = directory.url.appending(path: "copy")
        let extract = try Command("extract", image, "--session", "vm-alpha", "--token", "0x42", "-o", copy.path())
        #expect(extract.status == 0)
        #expect(
            try Data(contentsOf: copy)
                == Data(contentsOf: Fixture.url("examples/guest-ram.bin")))
        let hello = try Command("extract", image, "--session", "vm-alpha", "--token", "7", "-o", copy.path())
        #expect(hello.status == 0)
        let text = try Data(contentsOf: copy)
        #expect(text.count == 1 << 20)
        #expect(text.prefix(6) == Data("hello\0".utf8))
        let blocks = try FileManager.default.attributesOfItem(atPath: copy.path())
        #expect(blocks[.size] as? Int == 1 << 20)
        let other = try Command("extract", image, "--session", "vm-alpha", "--token", "8", "-o", copy.path())
        #expect(other.status == 2)
        #expect(other.errors.contains("no token 0x8; it has 0x42, 0x7"))
    }

    @Test func collectingKeepsWhatBelongsToTheHandover() throws {
        let directory = try TemporaryPath()
        for capture in ["6.18/basic", "6.19/basic", "7.1/names", "7.3/basic"] {
            for ending in ["elf", "dtb"] {
                let small = directory.url.appending(path: "small.\(ending)").path()
                let collect = try Command("collect", "captures/\(capture).elf", "-o", small)
                #expect(collect.status == 0, "\(collect.errors)")
                let whole = try Command("dump", "--format", "json", "captures/\(capture).elf")
                #expect(try Command("dump", "--format", "json", small).text == whole.text)
            }
        }
    }

    @Test(arguments: ["6.18/basic", "6.19/basic", "7.1/names", "7.3/basic"])
    func whatIsHandedOverTravelsInADocument(_ capture: String) throws {
        let directory = try TemporaryPath()
        let command = try Command(
            shell: """
                $luo dump --format json --contents captures/\(capture).elf 2>/dev/null |
                $luo build - -o $d/copy.elf 2>/dev/null; $luo diff captures/\(capture).elf $d/copy.elf; echo $?
                $luo dump --format json --contents $d/copy.elf 2>/dev/null >$d/copy.json
                $luo build $d/copy.json -o $d/again.elf && cmp $d/copy.elf $d/again.elf
                """, environment: ["d": directory.path])
        // The captures omit the contents of the region, so a copy's are zero.
        let lines = command.text.split(separator: "\n")
        #expect(lines.count == 2 && lines[0].hasPrefix("? 16 pages of region \"testblk\""), "\(command.text)")
        #expect(lines.last == "3")
        #expect(command.status == 0, "\(command.errors)")
    }

    /// Memory of an FLB, or of an unknown handler: it is preserved, but nothing refers to it.
    @Test func whatNobodyDescribesIsKept() throws {
        let directory = try TemporaryPath()
        let document = try TemporaryPath(
            #"""
            {"kernel": "7.3", "sessions": [{"name": "s", "files": [{"token": 1, "memfd": {"text": "hello"}}]}],
             "preserved": {"ranges": [["0x20000000", "0x20004000"]]},
             "residue": [{"pa": "0x20000000", "data": "aGVsbG8=", "size": 8192}, {"pa": "0x20003ffe", "data": "AQI="}]}
            """#.utf8)
        let command = try Command(
            shell: """
                cd $d && $luo build $document -o built.elf && $luo build $document -o built.dtb || exit
                $luo collect --contents built.elf -o kept.dtb; $luo collect --contents built.dtb -o kept.elf
                for file in built.elf built.dtb kept.dtb kept.elf; do
                $luo dump --format json --contents $file 2>/dev/null >$file.json; cmp $file.json built.elf.json
                done
                $luo collect built.elf -o small.elf && grep -c aGVsbG8 built.elf.json && $luo dump small.elf >/dev/null
                """, environment: ["d": directory.path, "document": document.path])
        #expect(command.text == "2\n")
        #expect(command.errors.contains("kept.elf: 4 KiB of handed-over memory in 1 range: not in the image\n"))
        #expect(
            command.errors.contains(
                "small.elf: 16 KiB of handed-over memory in 3 ranges: omitted; use --contents to keep it\n"),
            "\(command.errors)")
    }

    @Test func contentsGoFromFileToFile() throws {
        let directory = try TemporaryPath()
        let command = try Command(
            shell: """
                cd $d && seq 300000 | head -c 1234567 >guest && truncate -s 3000000 guest && seq 9 >>guest &&
                echo '{"sessions": [{"name": "s", "files": [{"token": 1, "memfd": {"content": "guest"}},
                {"token": 2, "memfd": {"content": "guest", "size": 5000000}}]}]}' >document.json &&
                for form in elf bundle directory; do
                $luo build document.json -o $form --output-format $form 2>/dev/null || exit 1
                $luo extract $form --session s --token 1 -o - | cmp - guest || exit 1
                $luo extract $form --session s --token 2 -o - | head -c 3000018 | cmp - guest || exit 1
                done
                test $(du -k elf | cut -f 1) -lt 3000
                """, environment: ["d": directory.path])
        #expect(command.text == "")
        #expect(command.status == 0, "\(command.errors)")
    }

    // MARK: - Refusals

    /// A document with one error, and the message about it.
    struct Refusal: CustomTestStringConvertible {
        var document: String
        var said: String
        /// Whether `--force` builds it.
        var canBeForced = true
        var testDescription: String { said }
    }

    static func session(_ members: String, kernel: String = "7.3") -> String {
        #"{"kernel": "\#(kernel)", "sessions": [{"name": "s", \#(members)}]}"#
    }

    static let long = String(repeating: "n", count: 64)

    static let refusals: [Refusal] = [
        Refusal(
            document: #"{"sessions": [{"name": "\#(long)"}]}"#,
            said: #".sessions[0].name: "\#(long)" has 64 bytes; LIVEUPDATE_SESSION_NAME_LENGTH is 64, the NUL included"#
        ),
        Refusal(
            document: #"{"luo": {"sessions": [{"name": ""}]}}"#,
            said: ".luo.sessions[0].name: an empty name; luo_session_create() returns EINVAL"),
        Refusal(
            document: #"{"sessions": [{"name": "a"}, {"name": "a"}]}"#,
            said: #".sessions[1].name: "a" is already used by .sessions[0]; luo_session_insert() returns EEXIST"#),
        Refusal(
            document: session(#""files": [{"token": 1, "memfd": {}}, {"token": "0x1", "memfd": {}}]"#),
            said: ".sessions[0].files[1].token: 0x1 is already used in this session; luo_preserve_file() returns EEXIST"
        ),
        Refusal(
            document: session(#""files": [{"token": 1, "compatible": "\#(long.prefix(48))", "data": 1}]"#),
            said: "LIVEUPDATE_HNDL_COMPAT_LENGTH is 48, the NUL included"),
        Refusal(
            document: #"{"flbs": [{"name": "\#(long.prefix(48))"}]}"#,
            said: "LIVEUPDATE_FLB_COMPAT_LENGTH is 48, the NUL included"),
        Refusal(
            document: #"{"flbs": [{"name": "f"}, {"name": "f"}]}"#,
            said: #".flbs[1].name: "f" is already used by .flbs[0]; liveupdate_register_flb() returns EEXIST"#),
        Refusal(
            document: #"{"flbs": [\#((0..<64).map { #"{"name": "f\#($0)"}"# }.joined(separator: ","))]}"#,
            said: ".flbs: 64 objects; LUO_FLB_MAX is 63", canBeForced: false),
        Refusal(
            document: #"{"kernel": "6.19", "flbs": [{"name": "f"}]}"#,
            said: ".flbs: kernel 6.19 has no file-lifecycle-bound objects", canBeForced: false),
        Refusal(
            document: #"{"kernel": "6.18", "sessions": []}"#,
            said: ".sessions: kernel 6.18 has no Live Update Orchestrator", canBeForced: false),
        Refusal(
            document: session(
                #""files": [\#((0..<129).map { #"{"token": \#($0), "memfd": {}}"# }.joined(separator: ","))]"#,
                kernel: "7.1"),
            said: ".sessions[0].files: 129; LUO_FILE_MAX is 128", canBeForced: false),
        Refusal(
            document:
                #"{"kernel": "7.1", "sessions": [\#((0..<820).map { #"{"name": "s\#($0)"}"# }.joined(separator: ","))]}"#,
            said: ".sessions: 820; LUO_SESSION_MAX is 819", canBeForced: false),
        Refusal(
            document: #"{"kho": {"fdt_pa": "0x10000800"}}"#,
            said: ".kho.fdt_pa: 0x10000800 is not aligned: the kernel allocates this at a multiple of 0x1000"),
        Refusal(
            document: #"{"kho": {"fdt_pa": "0x5000"}, "luo": {"flb_pa": "0x5000"}}"#,
            said: ".luo.flb_pa: 0x5000 overlaps .kho.fdt_pa at 0x5000"),
        Refusal(
            document: #"{"kernel": "6.18", "kho": {"subtrees": [{"name": "a", "data": "AAAA"}]}}"#,
            said: ".kho.subtrees[0].data: a subtree of kho-v1 must be an FDT, which states its size"),
        Refusal(
            document: #"{"sesions": []}"#, said: #".: unknown key "sesions"; did you mean "sessions"?"#,
            canBeForced: false),
        Refusal(
            document: #"{"sessions": [], "luo": {"sessions": []}}"#,
            said: ".sessions: this is given twice, here and elsewhere", canBeForced: false),
        Refusal(
            document: session(#""files": [{"token": 1, "memfd": {"size": 4, "text": "hello"}}]"#),
            said: ".sessions[0].files[0].memfd.text: 5 bytes do not fit: size is 4", canBeForced: false),
        Refusal(
            document: session(#""files": [{"token": 1, "memfd": {"content": "nowhere"}}]"#),
            said: ".sessions[0].files[0].memfd.content: ", canBeForced: false),
        Refusal(
            document: session(#""files": [{"token": 1, "memfd": {"seals": 64}}]"#),
            said: ".sessions[0].files[0].memfd.seals: 0x40 is not in MEMFD_LUO_ALL_SEALS, 0x3f"),
        Refusal(
            document: session(#""files": [{"token": -1, "memfd": {}}]"#),
            said: ".sessions[0].files[0].token: expected an integer from 0 to", canBeForced: false),
        Refusal(
            document: #"{"liveupdate_number": "0x1ffffffffffffffff"}"#,
            said: #".liveupdate_number: "0x1ffffffffffffffff" is not an integer"#, canBeForced: false),
        Refusal(document: #"{"kernel": "5.4"}"#, said: #".kernel: unknown kernel "5.4""#, canBeForced: false),
        Refusal(document: #"{"kernel": "7.3""#, said: "this is not JSON", canBeForced: false),
        Refusal(document: "[]", said: ".: expected an object", canBeForced: false),
        Refusal(
            document: #"{"reserve_mem": [{"name": "sixteen characte", "size": 4096}]}"#,
            said: "RESERVE_MEM_NAME_SIZE is 16, the NUL included"),
    ]

    @Test(arguments: refusals) func wrongDocumentIsRefused(_ refusal: Refusal) throws {
        let document = try TemporaryPath(refusal.document.utf8)
        let directory = try TemporaryPath()
        let image = directory.url.appending(path: "image.elf").path()
        let command = try Command("build", document.path, "-o", image)
        #expect(command.status == 2)
        #expect(command.errors.contains(refusal.said), "\(command.errors)")
        #expect(!FileManager.default.fileExists(atPath: image))
        let forced = try Command("build", "--force", document.path, "-o", image)
        #expect((forced.status == 0) == refusal.canBeForced, "\(forced.errors)")
        #expect(command.errors.contains("--force builds it nevertheless") == refusal.canBeForced)
    }
}
