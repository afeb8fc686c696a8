import Testing

@testable import KernelBoot

@Suite struct ConsoleTests {
    @Test(arguments: [
        ("[    0.000000] KHO: found kexec handover data.\r", "KHO: found kexec handover data."),
        ("[    1.234567][    T1] luo-fdt: open errno 0", "luo-fdt: open errno 0"),
        ("[mem 0x0-0x9ffff]", "[mem 0x0-0x9ffff]"), ("", ""), ("[", "["),
    ])
    func `time stamps are taken off`(line: String, text: String) {
        #expect(Console().add(line) == text)
    }

    @Test func `a report is read by its keys`() throws {
        let report = try #require(InitReport("luo-fdt: file 0 42 errno 0 size 1000 position 18 hash ffffffffffffffff"))
        #expect(report.errno() == 0)
        #expect(report.value(of: "size") == 0x1000)
        #expect(report.value(of: "hash") == .max)
        #expect(report.value(of: "nothing") == nil)
        #expect(InitReport("KHO: found kexec handover data.") == nil)
    }
}
