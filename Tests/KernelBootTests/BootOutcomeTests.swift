import Handover
import KernelABI
import Testing

@testable import KernelBoot

/// Tests the interpretation of a guest's output.
@Suite struct BootOutcomeTests {
    private static let found = "KHO: found kexec handover data."

    private func outcome(_ lines: [String], files: [BootedFile] = []) -> BootOutcome {
        var sessions = [BootedSession(name: "vm", files: files)]
        for report in lines.compactMap(InitReport.init) { sessions.take(report) }
        return BootOutcome(lines: lines, sessions: sessions, state: nil)
    }

    private func file(size: UInt64, hash: UInt64?) -> BootedFile {
        var file = FileState()
        file.token = 0x42
        var expected = ExpectedFile(file, in: HandoverState(), memory: EmptyMemory())
        expected.size = size
        expected.hash = hash
        return BootedFile(expected: expected)
    }

    @Test func `a guest that goes on to a kexec has done all it was asked to`() {
        let lines = [Self.found, "luo-fdt: open errno 0", "luo-fdt: session 0 errno 0", "luo-fdt: finish 0 errno 0"]
        #expect(outcome(lines + ["luo-fdt: kexec errno 0 machine_kexec ffffffff8102c9b9"]).verdict == .accepted)
        #expect(outcome(lines + ["luo-fdt: kexec errno 22 machine_kexec 0"]).verdict == .unchecked)
    }

    @Test func `a panic of LUO, a crash, and a forgotten handover are told apart`() {
        let panic = outcome([
            Self.found, "luo: LUO state is too small (31 < 32)",
            "Kernel panic - not syncing: luo: The incoming tree failed to initialize properly",
        ])
        #expect(panic.verdict == .panic)
        #expect(panic.line == "luo: LUO state is too small (31 < 32)")
        #expect(outcome([Self.found, "BUG: unable to handle page fault"]).verdict == .unchecked)
        let ignored = outcome([
            "KHO: setup: handover FDT (0x1000) is invalid: -9", "KHO: disabling KHO revival", "luo-fdt: open errno 0",
            "luo-fdt: done",
        ])
        #expect(ignored.verdict == .ignored)
        #expect(ignored.line.hasPrefix("KHO: setup"))
    }

    @Test func `what the init reports decides when the kernel has booted`() {
        let open = "luo-fdt: open errno 0"
        let session = "luo-fdt: session 0 errno 0"
        let rest = ["luo-fdt: finish 0 errno 0", "luo-fdt: done"]
        #expect(outcome([Self.found, open, session] + rest).verdict == .accepted)
        #expect(outcome([Self.found, "luo-fdt: open errno 5", "luo-fdt: done"]).verdict == .openFails)
        #expect(outcome([Self.found, open, "luo-fdt: session 0 errno 2"] + rest).verdict == .partly)
        #expect(outcome([Self.found, open, session]).hangs)
        #expect(outcome([Self.found]).hangs)
        #expect(outcome([open, session] + rest).verdict == .ignored)
    }

    @Test func `a file that came back otherwise is named`() {
        let file = "luo-fdt: file 0 42 errno 0 size 1000 position 0 hash abc"
        let lines = [
            Self.found, "luo-fdt: open errno 0", "luo-fdt: session 0 errno 0", file, "luo-fdt: finish 0 errno 0",
            "luo-fdt: done",
        ]
        #expect(outcome(lines, files: [self.file(size: 0x1000, hash: 0xabc)]).verdict == .accepted)
        #expect(outcome(lines, files: [self.file(size: 0x1000, hash: nil)]).verdict == .accepted)
        #expect(
            outcome(lines, files: [self.file(size: 0x2000, hash: nil)]).summary.contains("token 0x42: its size is 4096")
        )
        #expect(outcome(lines, files: [self.file(size: 0x1000, hash: 1)]).summary.contains("contents"))
    }

    @Test func `orders name sessions in hexadecimal, and are hashed as the init hashes`() {
        let sessions = [BootedSession(name: "a b", files: [file(size: 1, hash: nil)])]
        #expect(sessions.orders(thenKexec: false) == "session 612062\nfile 42\nfinish\n")
        #expect(sessions.orders(thenKexec: true).hasSuffix("again 612062\nkexec\n"))
        var hash = FNV1a.start
        FNV1a.add(Array("foobar".utf8).span.bytes, to: &hash)
        #expect(hash == 0x8594_4171_f739_67e8)
    }
}
