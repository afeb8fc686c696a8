import Handover
import KernelABI
import SystemPackage
import Testing

@testable import LiveUpdate

/// Tests details of the library that scenarios do not cover.
@Suite struct LifecycleTests {
    private func handler(_ name: String = "handler") -> FileHandler {
        var operations = FileHandler.Operations()
        operations.canPreserve = { ($0 as? OpaqueFile)?.handler == name }
        operations.preserve = { file, _ throws(Errno) in PreservedFile(data: (file as? OpaqueFile)?.data ?? 0) }
        operations.unpreserve = { _, _, _ in }
        operations.retrieve = { preserved, _ in OpaqueFile(handler: name, data: preserved.data) }
        operations.finish = { _, _, _, _ in }
        return FileHandler(compatible: name, operations: operations)
    }

    @Test func `with live update off nothing can be registered`() throws {
        var configuration = try KernelConfiguration.test()
        configuration.isLiveUpdateEnabled = false
        let kernel = Kernel(configuration)
        let handler = handler()
        #expect(error { () throws(Errno) in try kernel.register(handler) } == .notSupported)
        #expect(error { () throws(Errno) in try kernel.register(TestFLB("a").make(), with: handler) } == .notSupported)
        #expect(error { () throws(Errno) in _ = try kernel.getIncoming(TestFLB("a").make()) } == .notSupported)
        #expect(error { () throws(Errno) in _ = try kernel.openDevice() } == .noSuchFileOrDirectory)
        let next = Kernel(try .test(), handedOver: try kernel.kexec())
        #expect(next.outcome == .fresh(reason: "no subtree LUO"))
    }

    @Test(arguments: 0..<5)
    func `a handler needs its mandatory operations`(index: Int) throws {
        let kernel = Kernel(try .test())
        var operations = handler().operations
        switch index {
        case 0: operations.canPreserve = nil
        case 1: operations.preserve = nil
        case 2: operations.unpreserve = nil
        case 3: operations.retrieve = nil
        default: operations.finish = nil
        }
        let broken = FileHandler(compatible: "broken", operations: operations)
        #expect(error { () throws(Errno) in try kernel.register(broken) } == .invalidArgument)
    }

    @Test func `the device is open once`() throws {
        let kernel = Kernel(try .test())
        let device = try kernel.openDevice()
        #expect(error { () throws(Errno) in _ = try kernel.openDevice() } == .resourceBusy)
        device.close()
        _ = try kernel.openDevice()
    }

    @Test func `a kernel that has handed over is gone`() throws {
        let kernel = Kernel(try .test())
        let session = try kernel.openDevice().createSession("s")
        _ = try kernel.kexec()
        #expect(!kernel.isRunning)
        #expect(error { () throws(Errno) in try session.close() } == .kernelGone)
        #expect(error { () throws(Errno) in try kernel.register(handler()) } == .kernelGone)
        #expect(throws: KexecError.refused(.kernelGone)) { try kernel.kexec() }
    }

    @Test func `a closed session is closed`() throws {
        let kernel = Kernel(try .test())
        let session = try kernel.openDevice().createSession("s")
        try session.close()
        #expect(error { () throws(Errno) in try session.close() } == .badFileDescriptor)
        let file = OpaqueFile(handler: "handler", data: 1)
        #expect(error { () throws(Errno) in try session.preserve(file, token: 1) } == .badFileDescriptor)
    }

    /// A name of 48 bytes is truncated to 47 in its record, and never matches again.
    @Test(arguments: [47, 48])
    func `a long name is cut and not found`(length: Int) throws {
        let name = String(repeating: "n", count: length)
        let old = Kernel(try .test())
        let (handler, flb) = (handler(), TestFLB(name).make())
        try old.register(handler)
        try old.register(flb, with: handler)
        try old.openDevice().createSession("s").preserve(OpaqueFile(handler: "handler", data: 1), token: 1)
        let handedOver = try old.kexec()
        #expect(handedOver.state?.luo?.flbs?.first?.name == KernelString(String(repeating: "n", count: 47)))
        let new = Kernel(try .test(), handedOver: handedOver)
        let result = error { () throws(Errno) in _ = try new.getIncoming(TestFLB(name).make()) }
        #expect(result == (length == 47 ? nil : .noSuchFileOrDirectory))
    }

    /// The kernel's limits by generation and page size: fills up to the last record and tries one more.
    @Test(arguments: [("7.0", PageSize.kib4, 819, 128), ("7.1", .kib4, 819, 128)])
    func `sessions and files end at the array's end`(
        release: String, pageSize: PageSize, sessions: Int, files: Int
    ) throws {
        var configuration = try KernelConfiguration.test(release)
        configuration.pageSize = pageSize
        let kernel = Kernel(configuration)
        try kernel.register(handler())
        let device = try kernel.openDevice()
        for index in 0..<sessions { _ = try device.createSession("s\(index)") }
        #expect(error { () throws(Errno) in _ = try device.createSession("more") } == .noMemory)
        try device.kernel.sessions.outgoing[0].close(in: kernel)
        try kernel.sessions.remove(kernel.sessions.outgoing[0])
        let session = try device.createSession("files")
        for index in 0..<files {
            try session.preserve(OpaqueFile(handler: "handler", data: 1), token: UInt64(index))
        }
        let more = OpaqueFile(handler: "handler", data: 1)
        #expect(error { () throws(Errno) in try session.preserve(more, token: 1000) } == .noSpace)
        let handedOver = try kernel.kexec()
        #expect(handedOver.state?.luo?.sessions?.last?.files?.count == files)
        let next = Kernel(configuration, handedOver: handedOver)
        try next.register(handler())
        try next.openDevice().retrieveSession("files").finish()
    }

    @Test func `more files than a block holds go into a chain of them`() throws {
        let kernel = Kernel(try .test("7.3"))
        try kernel.register(handler())
        let device = try kernel.openDevice()
        for index in 0..<52 { _ = try device.createSession("s\(index)") }
        let session = try device.createSession("files")
        for index in 0..<64 {
            try session.preserve(OpaqueFile(handler: "handler", data: UInt64(index)), token: UInt64(index))
        }
        let next = Kernel(try .test("7.3"), handedOver: try kernel.kexec())
        try next.register(handler())
        let incoming = try next.openDevice().retrieveSession("files")
        #expect(try (incoming.retrieve(token: 63) as? OpaqueFile)?.data == 63)
    }

    @Test(arguments: [(PageSize.kib4, 63), (.kib16, 255), (.kib64, 1023)])
    func `as many FLBs as LUO_FLB_MAX`(pageSize: PageSize, limit: Int) throws {
        var configuration = try KernelConfiguration.test()
        configuration.pageSize = pageSize
        let kernel = Kernel(configuration)
        let handler = handler()
        try kernel.register(handler)
        for index in 0..<limit { try kernel.register(TestFLB("flb\(index)").make(), with: handler) }
        let more = TestFLB("more").make()
        #expect(error { () throws(Errno) in try kernel.register(more, with: handler) } == .noSpace)
        try kernel.openDevice().createSession("s").preserve(OpaqueFile(handler: "handler", data: 1), token: 1)
        let next = Kernel(configuration, handedOver: try kernel.kexec())
        #expect(try next.getIncoming(TestFLB("flb\(limit - 1)").make()) as? String == "object of 65261")
    }

    @Test func `nothing stays behind when all is taken back`() throws {
        let kernel = Kernel(try .test())
        let memfd = try #require(FileHandler.memfd(for: kernel.configuration))
        try kernel.register(memfd)
        let session = try kernel.openDevice().createSession("s")
        for token in 0..<10 {
            try session.preserve(MemFD(contents: Array(repeating: 7, count: 10_000)), token: UInt64(token))
        }
        #expect(kernel.memory.preservedBlockCount == 10 * 4)
        try session.close()
        #expect(kernel.memory.preservedBlockCount == 0)
        #expect(kernel.memory.usedPageCount == 0)
        #expect(kernel.preservedFiles.count == 0)
        try kernel.unregister(memfd)
    }

    @Test func `memory that runs out gives ENOMEM and keeps nothing`() throws {
        let kernel = Kernel(try .test())
        try kernel.register(try #require(FileHandler.memfd(for: kernel.configuration)))
        let session = try kernel.openDevice().createSession("s")
        let large = MemFD(size: 200 << 20)
        #expect(error { () throws(Errno) in try session.preserve(large, token: 1) } == .noMemory)
        #expect(kernel.memory.usedPageCount == 0)
        let huge = MemFD(size: UInt64(Int64.max))
        #expect(error { () throws(Errno) in try session.preserve(huge, token: 1) } == .fileTooLarge)
    }

    @Test(arguments: [true, false])
    func `finished files leave no memory in use, retrieved or not`(isRetrieved: Bool) throws {
        let old = Kernel(try .test())
        try old.register(try #require(FileHandler.memfd(for: old.configuration)))
        let session = try old.openDevice().createSession("s")
        try session.preserve(MemFD(contents: Array(repeating: 7, count: 10_000)), token: 1)
        let next = Kernel(try .test(), handedOver: try old.kexec())
        try next.register(try #require(FileHandler.memfd(for: next.configuration)))
        let incoming = try next.openDevice().retrieveSession("s")
        let before = next.memory.usedPageCount
        if isRetrieved {
            let file = try #require(try incoming.retrieve(token: 1) as? MemFD)
            #expect(file.read(count: 20_000) == Array(repeating: 7, count: 10_000))
        }
        try incoming.close()
        // The descriptor, three folios, and the chunk and the page of the list of folios.
        #expect(before - next.memory.usedPageCount == 6)
    }
}
