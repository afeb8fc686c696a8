import Handover
import KernelABI
import SystemPackage
import Testing

@testable import LiveUpdate

/// Tests invalid input.
@Suite struct AdoptionTests {
    /// A handover that is forced into memory.
    private func handedOver(_ release: String, _ change: (inout HandoverState) -> Void) throws -> HandedOver {
        var state = HandoverState()
        state.kernel = release
        state.kho = KHOState()
        state.luo = LUOState()
        state.luo?.sessions = ["one", "two"].map { name in
            var session = SessionState()
            session.name = KernelString(name)
            var file = FileState()
            file.token = 1
            file.compatible = "handler"
            session.files = [file]
            return session
        }
        change(&state)
        var options = HandoverPlanner.Options()
        options.force = true
        let plan = try HandoverPlanner.plan(state, options: options) { _ throws(FileError) in 0 }
        let image = try HandoverImage(of: plan) { _ throws(FileError) in MappedFile(bytes: [], name: "") }
        return HandedOver(memory: image.memory, rootAddress: image.rootAddress)
    }

    private func boot(
        _ release: String, _ change: (inout HandoverState) -> Void = { _ in }
    ) throws -> (kernel: Kernel, openError: Errno?) {
        let kernel = Kernel(try .test(release), handedOver: try handedOver(release, change))
        var operations = FileHandler.Operations()
        operations.canPreserve = { _ in true }
        operations.preserve = { _, _ throws(Errno) in PreservedFile(data: 0) }
        operations.unpreserve = { _, _, _ in }
        operations.retrieve = { _, _ in OpaqueFile(handler: "handler", data: 0) }
        operations.finish = { _, _, _, _ in }
        if kernel.isRunning { try kernel.register(FileHandler(compatible: "handler", operations: operations)) }
        return (kernel, error { () throws(Errno) in _ = try kernel.openDevice() })
    }

    @Test(arguments: ["6.19", "7.0", "7.1", "7.3"])
    func `a sound handover is taken over`(release: String) throws {
        let (kernel, openError) = try boot(release)
        #expect(kernel.outcome == .adopted)
        #expect(openError == nil)
        #expect(kernel.sessions.incomingCount == 2)
    }

    @Test(arguments: ["6.19", "7.0", "7.1", "7.3"])
    func `a root of another version is lost`(release: String) throws {
        let (kernel, openError) = try boot(release) { $0.kho?.compatible = "kho-v9" }
        #expect(kernel.outcome.word == "lost")
        #expect(openError == nil)
        #expect(kernel.sessions.incomingCount == 0)
        #expect(kernel.liveUpdateNumber == 0)
    }

    @Test func `a root that is no FDT is lost`() throws {
        var memory = SparseMemory()
        memory.allocate(PhysicalAddress(0x1000)..<PhysicalAddress(0x2000))
        let kernel = Kernel(
            try .test(), handedOver: HandedOver(memory: memory, rootAddress: PhysicalAddress(0x1000)))
        #expect(kernel.outcome.word == "lost")
        let nowhere = Kernel(
            try .test(), handedOver: HandedOver(memory: memory, rootAddress: PhysicalAddress(0x9000)))
        #expect(nowhere.outcome.word == "lost")
    }

    @Test(arguments: ["6.19", "7.0", "7.1", "7.3"])
    func `LUO of another version panics`(release: String) throws {
        #expect(try boot(release) { $0.luo?.compatible = "luo-v9" }.kernel.outcome.word == "panicked")
    }

    @Test func `nodes of other versions panic`() throws {
        #expect(try boot("7.1") { $0.luo?.sessionCompatible = "luo-session-v9" }.kernel.outcome.word == "panicked")
        #expect(try boot("7.1") { $0.luo?.flbCompatible = "luo-flb-v9" }.kernel.outcome.word == "panicked")
    }

    @Test(arguments: ["7.1", "7.3"])
    func `two sessions of one name, and there is no opening the device`(release: String) throws {
        let (kernel, openError) = try boot(release) { state in state.luo?.sessions?[1].name = "one" }
        #expect(kernel.outcome == .adopted)
        #expect(openError == .ioError)
        #expect(error { () throws(Errno) in _ = try kernel.openDevice() } == .ioError)
    }

    @Test(arguments: ["7.1", "7.3"])
    func `a file without a handler, and there is no opening the device`(release: String) throws {
        let (_, openError) = try boot(release) { state in state.luo?.sessions?[0].files?[0].compatible = "stranger" }
        #expect(openError == .ioError)
    }

    @Test func `a block that states no records panics, or makes the device useless`() throws {
        let sessions = try boot("7.3") { state in
            state.luo?.sessions = []
            state.luo?.blocks = [BlockState(address: nil, count: 0)]
        }
        #expect(sessions.kernel.outcome.word == "panicked")
        let files = try boot("7.3") { state in
            state.luo?.sessions?[0].files = []
            state.luo?.sessions?[0].blocks = [BlockState(address: nil, count: 0)]
        }
        #expect(files.kernel.outcome == .adopted)
        #expect(files.openError == .ioError)
    }

    @Test func `a session that states another number of files makes the device useless`() throws {
        let (kernel, openError) = try boot("7.3") { state in state.luo?.sessions?[0].count = 2 }
        #expect(kernel.outcome == .adopted)
        #expect(openError == .ioError)
    }

    @Test func `files at address 0 are a warning`() throws {
        let (_, openError) = try boot("7.3") { state in
            state.luo?.sessions?[0].files = []
            state.luo?.sessions?[0].filesAddress = PhysicalAddress(0)
            state.luo?.sessions?[0].count = 3
        }
        #expect(openError == nil)
    }

    @Test func `unknown seals cannot be retrieved, and the error is kept`() throws {
        let handedOver = try handedOver("7.3") { state in
            var memfd = MemFDState()
            memfd.size = 4096
            memfd.seals = 1 << 20
            state.luo?.sessions?[0].files?[0].compatible = nil
            state.luo?.sessions?[0].files?[0].memfd = memfd
            state.luo?.sessions?.removeLast()
        }
        let kernel = Kernel(try .test("7.3"), handedOver: handedOver)
        try kernel.register(try #require(FileHandler.memfd(for: kernel.configuration)))
        let session = try kernel.openDevice().retrieveSession("one")
        for _ in 0..<2 {
            #expect(error { () throws(Errno) in _ = try session.retrieve(token: 1) } == .notSupported)
        }
        try session.finish()
    }
}
