import KernelABI
import TestSupport
import Testing

@testable import Handover
@testable import luo_fdt

@Suite struct TreeRendererTests {
    private func render(_ reading: Reading, style: TextStyle = .plain, all: Bool = false) -> String {
        text { TreeRenderer(style: style, all: all).render(reading, to: &$0) }
    }

    private func reading(_ state: HandoverState, findings: [Finding] = []) -> Reading {
        Reading(state: state, extents: [], findings: findings)
    }

    @Test func showsACaptureOnOneScreen() throws {
        #expect(
            render(try CapturedHandover(name: "7.3/basic").read().reading) == """
                Handover of kernel 7.2–7.3, x86_64, 4 KiB pages
                ├─ root FDT  0x4c9000  405 B  kho-v4
                ├─ previous kernel  7.3.4  kexec count 1
                ├─ 4 subtrees
                │  ├─ memblock        0xe9c000  210 B  memblock-v1
                │  ├─ LUO             0xea2000   32 B  luo-v5
                │  ├─ kho_test        0x506000  240 B  FDT, kho-test-v1
                │  └─ kexec-metadata  0x4cf000   73 B  version 1
                ├─ live update 1  luo-v5
                ├─ 3 sessions  4 files  88 KiB  1 block at 0xebc000
                │  ├─ vm-alpha  3 files   24 KiB  at 0xebd000
                │  │  ├─ 0x1000      memfd-v2   4 KiB  pos 0  seals none  1 folio, 1 page
                │  │  ├─ 0x1001      memfd-v2   8 KiB  pos 0  seals none  2 folios, 2 pages in 2 runs
                │  │  └─ 0x1002      memfd-v2  12 KiB  pos 0  seals none  3 folios, 3 pages in 3 runs
                │  ├─ vm-beta   1 file    64 KiB  at 0xec8000
                │  │  └─ 0xdeadbeef  memfd-v2  64 KiB  pos 0  seals none  16 folios, 16 pages in 11 runs
                │  └─ empty     no files
                ├─ 3 FLBs
                │  ├─ liveupdate-test-flb-v0  data 0xfeedf00dcafebee0  needed by 4 files
                │  ├─ liveupdate-test-flb-v1  data 0xfeedf00dcafebee1  needed by 4 files
                │  └─ liveupdate-test-flb-v2  data 0xfeedf00dcafebee2  needed by 4 files
                ├─ 1 reserve_mem region
                │  └─ testblk  0x1fb99000–0x1fba8fff  64 KiB
                └─ preserved memory  2110 pages  8.2 MiB  in 17 ranges
                   ├─ map     radix tree of 34 tables and 12 leaves at 0x4c8000
                   └─ blocks  50 × 4 KiB  6 × 8 KiB  2 × 16 KiB  3 × 32 KiB  4 × 64 KiB  1 × 128 KiB  4 × 256 KiB  1 × 512 KiB  2 × 1 MiB  1 × 4 MiB

                """)
    }

    @Test(arguments: CapturedHandover.names)
    func everySessionFileAndRangeIsShownOnDemand(name: String) throws {
        let reading = try CapturedHandover(name: name).read().reading
        let shown = render(reading, all: true)
        for session in reading.state.luo?.sessions ?? [] {
            #expect(shown.contains(" \(session.name.bare) "))
            for file in session.files ?? [] { #expect(shown.contains(" 0x\(String(file.token, radix: 16)) ")) }
        }
        let preserved = try #require(reading.state.preserved?.ranges)
        #expect(preserved.count > 0)
        for range in preserved.prefix(TreeRenderer.Limit.others) {
            #expect(shown.contains(" \(range.lowerBound)–"))
        }
    }

    @Test(arguments: CapturedHandover.names)
    func linesKeepToTheWidthOfTheTerminal(name: String) throws {
        let reading = try CapturedHandover(name: name).read().reading
        let wide = render(reading)
        let narrow = render(reading, style: TextStyle(usesColor: false, width: 80))
        for line in narrow.split(separator: "\n") {
            #expect(String(line).columnCount <= 80)
        }
        func words(_ text: String) -> [Substring] { text.split { " \n├└─│".contains($0) } }
        #expect(words(narrow) == words(wide))
    }

    @Test func coloursAreAllThatAStyleAdds() throws {
        let reading = try CapturedHandover(name: "7.1/names").read().reading
        let colored = render(reading, style: TextStyle(usesColor: true))
        #expect(colored.contains("\u{1b}[36mgäste/β-1\u{1b}[0m"))
        #expect(colored.replacing(/\u{1b}\[[0-9;]*m/, with: "") == render(reading))
    }

    @Test func hundredsOfSessionsAndFilesAreAScreen() {
        var luo = LUOState()
        luo.sessions = (0..<150).map { index in
            var session = SessionState()
            session.name = KernelString("session-\(index)")
            session.files = (0..<3).map { token in
                var file = FileState()
                file.token = UInt64(token)
                file.compatible = "vfio-v1"
                file.data = 0x42
                return file
            }
            return session
        }
        var state = HandoverState()
        state.kernel = "7.3"
        state.luo = luo
        let short = render(reading(state))
        #expect(short.split(separator: "\n").count < 60)
        #expect(short.contains("└─ … 138 more, 414 files"))
        #expect(short.contains("└─ … 1 more") == false)
        let whole = render(reading(state), all: true)
        #expect(whole.split(separator: "\n").count == 2 + 150 * 4)
        #expect(whole.contains("session-149"))

        state.luo?.sessions = Array(luo.sessions?.prefix(1) ?? [])
        state.luo?.sessions?[0].files = (0..<300).map { token in
            var file = FileState()
            file.token = UInt64(token)
            return file
        }
        #expect(render(reading(state)).contains("└─ … 276 more"))
    }

    @Test func textOfTheImageCannotReachTheTerminal() {
        var luo = LUOState()
        var session = SessionState()
        session.name = KernelString(bytes: Array("a\u{1b}]0;b\u{7}\n\u{9b}31m\u{202e}c".utf8) + [0xff])
        session.files = []
        luo.sessions = [session]
        var flb = FLBState()
        flb.name = KernelString(bytes: [0x41], isTerminated: false)
        luo.flbs = [flb]
        var state = HandoverState()
        state.luo = luo
        var kho = KHOState()
        kho.compatible = "\u{1b}[2J"
        var subtree = SubtreeState(name: "\r\u{8}")
        subtree.data = [1]
        kho.subtrees = [subtree]
        state.kho = kho
        var metadata = KexecMetadataState()
        metadata.previousRelease = "7\u{1b}"
        state.kexecMetadata = metadata
        let shown = render(reading(state))
        #expect(shown.contains(#""a\u{1b}]0;b\u{7}\n\u{9b}31m\u{202e}c\xff""#))
        #expect(shown.contains("A (no NUL)"))
        for scalar in shown.unicodeScalars where scalar != "\n" {
            #expect(scalar.properties.generalCategory != .control && scalar.properties.generalCategory != .format)
        }
    }

    @Test func whatIsNotAtHandIsShownWithItsAddress() throws {
        let reader = HandoverReader(memory: EmptyMemory(), pageSize: .kib4)
        let luo = try reader.read(
            subtree: "LUO", Fixture.bytes("captures/7.1/debugfs/receiver/in/sub_fdts/LUO"))
        #expect(
            render(luo) == """
                Read as kernel 7.1, 4 KiB pages
                ├─ live update 1  luo-v1
                ├─ sessions  not available at 0xf80000
                ├─ FLBs  not available at 0xe7b000
                └─ 2 places not in this input

                """)
        let metadata = try reader.read(
            subtree: "kexec-metadata",
            Fixture.bytes("captures/7.3/debugfs/receiver/in/sub_fdts/kexec-metadata"))
        #expect(
            render(metadata) == """
                Part of a handover, 4 KiB pages
                └─ previous kernel  7.3.4  kexec count 1

                """)
    }

    @Test func anFLBPageAloneIsShown() throws {
        let document = try CapturedHandover(name: "7.3/basic").read()
        let (memory, reading) = (document.memory, document.reading)
        let address = try #require(reading.state.luo?.flbAddress)
        let page = try memory.withBytes(at: address, count: 4096) { span in span.withUnsafeBytes { [UInt8]($0) } }
        let flbs = try HandoverReader(memory: EmptyMemory(), pageSize: .kib4).read(flbs: page)
        #expect(render(flbs).contains("└─ 3 FLBs\n   ├─ liveupdate-test-flb-v0  data 0xfeedf00dcafebee0"))
    }

    @Test func memfdsSayHowTheirFoliosLie() {
        func line(_ folios: [FolioState], size: UInt64, seals: UInt32) -> String {
            var memfd = MemFDState()
            memfd.size = size
            memfd.seals = seals
            memfd.position = 5
            memfd.folios = folios
            var file = FileState()
            file.compatible = "memfd-v2"
            file.memfd = memfd
            var session = SessionState()
            session.name = "s"
            session.files = [file]
            var state = HandoverState()
            state.luo = LUOState()
            state.luo?.sessions = [session]
            return render(reading(state))
        }
        let huge = [FolioState(pfn: 512, flags: 3, index: 0), FolioState(pfn: 1024, flags: 3, index: 512)]
        #expect(
            line(huge, size: 4 << 20, seals: 0x41)
                .contains("memfd-v2  4 MiB  pos 5  seals seal|0x40  2 folios, 1024 pages, contiguous\n"))
        let sparse = [
            FolioState(pfn: 7, flags: 3, index: 0), FolioState(pfn: 0, flags: 0, index: 1),
            FolioState(pfn: 9, flags: 1, index: 2),
        ]
        #expect(
            line(sparse, size: 12288, seals: 0)
                .contains("seals none  3 folios, 3 pages in 2 runs, 1 hole, 1 not dirty|uptodate\n"))
        #expect(line([], size: 0, seals: 0).contains("seals none  empty\n"))
    }

    @Test func staleRootsAndDamageAreNamed() {
        var kho = KHOState()
        kho.fdtAddress = PhysicalAddress(0x1000)
        kho.staleRoots = [PhysicalAddress(0x2000), PhysicalAddress(0x3000)]
        kho.preservedMemoryMap = PhysicalAddress(0x5000)
        var state = HandoverState()
        state.kernel = "6.17"
        state.pageSize = .kib64
        state.machine = .aarch64
        state.kho = kho
        let finding = Finding(
            .notAvailable, of: .kho, at: Place("map", at: PhysicalAddress(0x5000)), found: "x", expected: "y")
        #expect(
            render(reading(state, findings: [finding])) == """
                Handover of kernel 6.16–6.17, aarch64, 64 KiB pages
                ├─ root FDT  0x1000  no compatible
                ├─ subtrees  not available
                ├─ preserved memory  not readable at 0x5000
                ├─ 2 stale roots  0x2000, 0x3000  left by earlier handovers
                └─ 1 damaged place

                """)
    }
}

@Suite struct QuantityTests {
    @Test(
        arguments: [
            (0, "0 B"), (1, "1 B"), (1023, "1023 B"), (1024, "1 KiB"), (5000, "5000 B"), (1 << 20, "1 MiB"),
            (3 << 19, "1.5 MiB"), ((1 << 30) - 1, "1023.9 MiB"), (UInt64.max, "15.9 EiB"),
        ] as [(UInt64, String)])
    func bytesHaveUnits(count: UInt64, text: String) {
        #expect(Quantity.bytes(count) == text)
    }

    @Test func flagsHaveNames() {
        #expect(Quantity.flags(0, names: ["a"]) == "none")
        #expect(Quantity.flags(0b111, names: ["a", "b"]) == "a|b|0x4")
    }
}
