import SystemPackage
import Testing

@testable import KernelBoot

@Suite struct InitrdTests {
    @Test func `an archive holds the init and its orders, and has an end`() throws {
        let directory = try TemporaryDirectory()
        defer { directory.remove() }
        let program = directory.path.appending("program")
        try GuestMemory.write(Array("an init".utf8), to: program)
        let archive = try Initrd.archive(with: program, "finish\n", kernel: nil)
        #expect(archive.count % 4 == 0)
        #expect(String(decoding: archive.prefix(6), as: UTF8.self) == "070701")
        let text = String(decoding: archive, as: UTF8.self)
        for name in ["init\0", "orders\0", "TRAILER!!!\0"] { #expect(text.contains(name)) }
        #expect(text.contains("an init") && text.contains("finish\n"))
    }

    @Test func `an init that is missing is said to be`() throws {
        #expect(throws: BootError.self) { try Initrd.archive(with: "/nothing/init", "", kernel: nil) }
    }
}
