import Handover
import KernelABI
import SystemPackage
import Testing

@testable import LiveUpdate

/// Tests the differences between releases: one test for each row of the table in `docs/lifecycle.md`.
@Suite struct ReleaseTests {
    static let releases = ["7.0", "7.0-118c3908", "7.1.3", "7.1.8", "7.2", "7.3"]

    /// A kernel with a handler and an FLB that are not registered yet.
    private struct Bench {
        let kernel: Kernel
        let journal = Journal()
        let handler: FileHandler
        let handlerModule = Module(name: "handler")
        let test = TestFLB("flb")
        let flb: FLB

        init(_ release: String, _ handedOver: HandedOver? = nil) throws {
            kernel = Kernel(try .test(release, journal), handedOver: handedOver)
            handler = Self.handler("handler", handlerModule)
            flb = test.make()
        }

        static func handler(_ name: String, _ owner: Module? = nil) -> FileHandler {
            var operations = FileHandler.Operations()
            operations.canPreserve = { ($0 as? OpaqueFile)?.handler == name }
            operations.preserve = { file, _ throws(Errno) in PreservedFile(data: (file as? OpaqueFile)?.data ?? 0) }
            operations.unpreserve = { _, _, _ in }
            operations.retrieve = { preserved, _ in OpaqueFile(handler: name, data: preserved.data) }
            operations.finish = { _, _, _, _ in }
            return FileHandler(compatible: name, operations: operations, owner: owner)
        }

        func register() throws {
            try kernel.register(handler)
            try kernel.register(flb, with: handler)
        }

        /// Creates a session with `count` files.
        func session(_ count: UInt64 = 1) throws(Errno) -> OutgoingSession {
            let device = try kernel.openDevice()
            defer { device.close() }
            let session = try device.createSession("session")
            for token in 0..<count { try session.preserve(OpaqueFile(handler: "handler", data: token), token: token) }
            return session
        }

        /// The next kernel, with nothing registered yet.
        func handOver() throws -> Bench {
            try Bench(kernel.configuration.release, try kernel.kexec())
        }

        func incoming() throws -> IncomingSession { try kernel.openDevice().retrieveSession("session") }

        var rules: FLBLifecycle { get throws { try #require(kernel.configuration.lifecycle) } }
    }

    @Test(arguments: [
        ("6.18", nil), ("6.19", "6.19"), ("6.19.12", "6.19"), ("6.19.13", "6.19.13"), ("7.0", "7.0"), ("7.0.9", "7.0"),
        ("7.0-118c3908", "7.0-118c3908"), ("7.0.1-amd64", "7.0"), ("7.1", "7.1"), ("7.1.7", "7.1"),
        ("7.1.13-amd64", "7.1.8"),
        ("7.2", "7.2"), ("7.3.4", "7.2"), ("8.0", "7.2"),
    ])
    func `a release has the lifecycle of the last one that changed it`(release: String, name: String?) {
        #expect(FLBLifecycle(release: release)?.name == name)
    }

    @Test(arguments: releases)
    func `registering while there is a session`(release: String) throws {
        let bench = try Bench(release)
        try bench.register()
        let session = try bench.session(0)
        let expected: Errno? = release == "7.0" ? .resourceBusy : nil
        let other = Bench.handler("other")
        #expect(error { () throws(Errno) in try bench.kernel.register(other) } == expected)
        #expect(error { () throws(Errno) in try bench.kernel.unregister(bench.flb, from: bench.handler) } == expected)
        try session.close()
        if release == "7.0" { try bench.kernel.unregister(bench.flb, from: bench.handler) }
        try bench.kernel.unregister(bench.handler)
    }

    @Test(arguments: releases)
    func `an FLB's module is held`(release: String) throws {
        let bench = try Bench(release)
        let module = bench.test.module
        try bench.kernel.register(bench.handler)
        let isHeldEarly = release == "7.0"
        module.setUnloading(true)
        #expect(
            error { () throws(Errno) in try bench.kernel.register(bench.flb, with: bench.handler) }
                == (isHeldEarly ? .resourceTemporarilyUnavailable : nil))
        module.setUnloading(false)
        if isHeldEarly { try bench.kernel.register(bench.flb, with: bench.handler) }
        #expect(module.references == (isHeldEarly ? 1 : 0))
        let session = try bench.session(2)
        #expect(module.references == 1)
        try session.close()
        #expect(module.references == (isHeldEarly ? 1 : 0))
        module.setUnloading(true)
        let result = error { () throws(Errno) in _ = try bench.session() }
        #expect(result == (isHeldEarly ? nil : .operationNotSupportedByDevice))
    }

    @Test(arguments: releases)
    func `an FLB's module is held in the next kernel`(release: String) throws {
        let bench = try Bench(release)
        try bench.register()
        _ = try bench.session()
        let next = try bench.handOver()
        try next.register()
        let early = release == "7.0" ? 1 : 0
        #expect(next.test.module.references == early)
        _ = try next.kernel.getIncoming(next.flb)
        #expect(next.test.module.references == 1)
        if release >= "7.1.8" { try next.kernel.putIncoming(next.flb) }
        try next.incoming().finish()
        #expect(next.test.module.references == early)
    }

    @Test(arguments: releases)
    func `a handler's module is held`(release: String) throws {
        let bench = try Bench(release)
        let isHeldEarly = release < "7.1"
        bench.handlerModule.setUnloading(true)
        let result = error { () throws(Errno) in try bench.kernel.register(bench.handler) }
        #expect(result == (isHeldEarly ? .resourceTemporarilyUnavailable : nil))
        bench.handlerModule.setUnloading(false)
        if isHeldEarly { try bench.kernel.register(bench.handler) }
        let session = try bench.session(3)
        #expect(bench.handlerModule.references == (isHeldEarly ? 1 : 3))
        try session.close()
        #expect(bench.handlerModule.references == (isHeldEarly ? 1 : 0))
        bench.handlerModule.setUnloading(true)
        #expect(error { () throws(Errno) in _ = try bench.session() } == (isHeldEarly ? nil : .noSuchFileOrDirectory))
    }

    @Test(arguments: releases)
    func `unregistering what is not registered`(release: String) throws {
        let bench = try Bench(release)
        try bench.kernel.register(bench.handler)
        let result = error { () throws(Errno) in try bench.kernel.unregister(bench.flb, from: bench.handler) }
        #expect(result == (release < "7.1" ? .noSuchFileOrDirectory : nil))
        try bench.kernel.register(bench.flb, with: bench.handler)
        let busy = error { () throws(Errno) in try bench.kernel.unregister(bench.handler) }
        #expect(busy == (release < "7.1" ? .resourceBusy : nil))
    }

    @Test(arguments: releases)
    func `a handler that was never registered`(release: String) throws {
        let bench = try Bench(release)
        let result = error { () throws(Errno) in try bench.kernel.register(bench.flb, with: bench.handler) }
        #expect(result == .crashed)
        #expect(bench.journal.warnings == ["BUG: NULL pointer dereference in liveupdate_register_flb()"])
        #expect(!bench.kernel.isRunning)
        let other = try Bench(release)
        let unregistered = error { () throws(Errno) in try other.kernel.unregister(other.handler) }
        #expect(unregistered == (release < "7.1" ? .resourceBusy : .crashed))
    }

    @Test(arguments: releases)
    func `a handler that was unregistered takes FLBs, and loses them when it comes back`(release: String) throws {
        let bench = try Bench(release)
        try bench.kernel.register(bench.handler)
        try bench.kernel.unregister(bench.handler)
        try bench.kernel.register(bench.flb, with: bench.handler)
        try bench.kernel.register(bench.handler)
        _ = try bench.session()
        #expect(bench.journal.calls() == ["handler preserve"])
    }

    @Test(arguments: releases.dropFirst())
    func `an FLB that is unregistered early is not handed over`(release: String) throws {
        let bench = try Bench(release)
        try bench.register()
        let session = try bench.session()
        try bench.kernel.unregister(bench.flb, from: bench.handler)
        #expect(bench.journal.calls() == ["flb preserve", "handler preserve"])
        try session.close()
        #expect(bench.journal.calls() == ["handler unpreserve"])
        #expect(bench.kernel.outgoingCount(of: bench.flb) == 1)
        #expect(bench.test.module.references == 1)
        #expect(try bench.kernel.kexec().state?.luo?.flbs == [])
    }

    @Test(arguments: releases.dropFirst())
    func `an FLB that is registered late is counted down from 0`(release: String) throws {
        let bench = try Bench(release)
        try bench.kernel.register(bench.handler)
        let session = try bench.session()
        try bench.kernel.register(bench.flb, with: bench.handler)
        try session.close()
        let saturates = release >= "7.1.8"
        #expect(bench.kernel.outgoingCount(of: bench.flb) == (saturates ? -1_073_741_824 : -1))
        #expect(bench.journal.warnings == (saturates ? ["refcount_t: underflow; use-after-free."] : []))
        _ = try bench.session()
        #expect(bench.journal.calls() == ["handler preserve", "handler unpreserve", "handler preserve"])
        #expect(bench.kernel.outgoingCount(of: bench.flb) == (saturates ? -1_073_741_824 : 0))
        #expect(bench.journal.warnings.last == (saturates ? "refcount_t: saturated; leaking memory." : nil))
        // Handed over anyway: the saturated count is read as unsigned.
        #expect(try bench.kernel.kexec().state?.luo?.flbs?.map(\.count) == (saturates ? [3_221_225_472] : []))
    }

    @Test(arguments: releases)
    func `registering from an operation`(release: String) throws {
        let bench = try Bench(release)
        let (kernel, other) = (bench.kernel, Bench.handler("other"))
        let operations = FLB.Operations(
            preserve: { _ throws(Errno) in
                try kernel.register(other)
                return FLB.Preserved(data: 1)
            },
            unpreserve: { _, _ in }, retrieve: { _, _ in nil }, finish: { _, _ in })
        try kernel.register(bench.handler)
        try kernel.register(FLB(compatible: "busy", operations: operations), with: bench.handler)
        let result = error { () throws(Errno) in _ = try bench.session() }
        #expect(result == (release == "7.0" ? .resourceBusy : .deadlocked))
        #expect(kernel.isRunning == (release == "7.0"))
    }

    @Test(arguments: releases)
    func `getting an outgoing object`(release: String) throws {
        let bench = try Bench(release)
        try bench.register()
        let counts = release >= "7.2"
        let early = error { () throws(Errno) in #expect(try bench.kernel.getOutgoing(bench.flb) == nil) }
        #expect(early == (counts ? .noSuchFileOrDirectory : nil))
        let session = try bench.session()
        #expect(try bench.kernel.getOutgoing(bench.flb) as? String == "object of 65261")
        #expect(bench.kernel.outgoingCount(of: bench.flb) == (counts ? 2 : 1))
        try session.close()
        _ = bench.journal.calls()
        let result = error { () throws(Errno) in try bench.kernel.putOutgoing(bench.flb) }
        #expect(result == (counts ? nil : .noFunction))
        #expect(bench.journal.calls() == (counts ? ["flb unpreserve"] : []))
    }

    /// The record matters, not the registration.
    @Test(arguments: releases)
    func `an incoming object is had before its FLB is registered`(release: String) throws {
        let bench = try Bench(release)
        try bench.register()
        _ = try bench.session()
        let next = try bench.handOver()
        #expect(try next.kernel.getIncoming(next.flb) as? String == "object of 65261")
    }

    @Test(arguments: releases)
    func `getting an incoming object`(release: String) throws {
        let bench = try Bench(release)
        try bench.register()
        _ = try bench.session(2)
        let next = try bench.handOver()
        try next.register()
        #expect(next.kernel.incomingCount(of: next.flb) == 0)
        #expect(try next.kernel.getIncoming(next.flb) as? String == "object of 65261")
        let counts = release >= "7.1.8"
        #expect(next.kernel.incomingCount(of: next.flb) == (counts ? 3 : 2))
        try next.incoming().finish()
        #expect(next.journal.calls().contains("flb finish") == !counts)
        #expect(error { () throws(Errno) in try next.kernel.putIncoming(next.flb) } == (counts ? nil : .noFunction))
        #expect(next.journal.calls() == (counts ? ["flb finish"] : []))
        #expect(error { () throws(Errno) in _ = try next.kernel.getIncoming(next.flb) } == .noData)
    }

    @Test(arguments: releases)
    func `a failed retrieve`(release: String) throws {
        let bench = try Bench(release)
        try bench.register()
        _ = try bench.session(2)
        let next = try bench.handOver()
        try next.register()
        next.test.fail(.retrieve, .noMemory)
        #expect(error { () throws(Errno) in _ = try next.kernel.getIncoming(next.flb) } == .noMemory)
        #expect(next.kernel.incomingCount(of: next.flb) == 2)
        #expect(next.test.module.references == (release == "7.0" ? 1 : 0))
        if release >= "7.2" {
            #expect(error { () throws(Errno) in _ = try next.kernel.getIncoming(next.flb) } == .noMemory)
            #expect(next.journal.calls() == ["flb retrieve ENOMEM"])
            try next.incoming().finish()
            #expect(next.journal.calls() == ["handler finish", "handler finish"])
            #expect(next.journal.warnings == ["luo_flb.c: flb cannot be retrieved, so it cannot be finished: ENOMEM"])
            try next.kernel.putIncoming(next.flb)
            #expect(next.journal.warnings.last == "refcount_t: underflow; use-after-free.")
        } else {
            try next.incoming().finish()
            // Retrying for the last file loads the count again.
            #expect(
                next.journal.calls() == [
                    "flb retrieve ENOMEM", "handler finish", "handler finish", "flb retrieve", "flb finish",
                ])
            #expect(next.kernel.incomingCount(of: next.flb) == 2)
        }
    }

    @Test(arguments: releases)
    func `finishing what nobody has retrieved`(release: String) throws {
        let bench = try Bench(release)
        try bench.register()
        _ = try bench.session(2)
        let next = try bench.handOver()
        try next.register()
        try next.incoming().finish()
        let saturates = release >= "7.1.8"
        #expect(next.journal.calls() == ["handler finish", "handler finish"])
        #expect(next.kernel.incomingCount(of: next.flb) == (saturates ? -1_073_741_824 : -2))
        // Twice, but warned about only once.
        #expect(next.journal.warnings == (saturates ? ["refcount_t: underflow; use-after-free."] : []))
    }

    @Test(arguments: ["6.19", "6.19.13", "7.0", "7.0-118c3908", "7.1", "7.1.8", "7.3"])
    func `files that cannot be deserialized`(release: String) throws {
        let bench = try Bench(release)
        try bench.kernel.register(bench.handler)
        try bench.kernel.register(Bench.handler("stranger"))
        let session = try bench.session(1)
        try session.preserve(OpaqueFile(handler: "stranger", data: 1), token: 7)
        let next = try bench.handOver()
        try next.kernel.register(next.handler)
        let registered = next.handlerModule.references
        let result = error { () throws(Errno) in _ = try next.kernel.openDevice() }
        let rules = try next.rules
        #expect(result == (rules.failedDeserialization == .ignored ? nil : .ioError))
        #expect(next.handlerModule.references == (release.hasPrefix("7.1") ? 1 : registered))
        guard result == nil else { return }
        let incoming = try Device(kernel: next.kernel).retrieveSession("session")
        #expect(error { () throws(Errno) in _ = try incoming.retrieve(token: 7) } == .noSuchFileOrDirectory)
        _ = try incoming.retrieve(token: 0)
        try incoming.close()
        #expect(next.journal.warnings == ["luo_file.c: 1 files are counted that are not there"])
    }

    @Test(arguments: releases)
    func `one inode under two descriptors`(release: String) throws {
        let kernel = Kernel(try .test(release))
        try kernel.register(try #require(FileHandler.memfd(for: kernel.configuration)))
        let session = try kernel.openDevice().createSession("session")
        let file = MemFD(contents: [1, 2, 3])
        try session.preserve(file, token: 1)
        #expect(error { () throws(Errno) in try session.preserve(file, token: 2) } == .resourceBusy)
        let again = MemFD(reopening: file)
        let result = error { () throws(Errno) in try session.preserve(again, token: 3) }
        #expect(result == (release < "7.1" ? nil : .resourceBusy))
    }

    @Test func `finished as documented, the FLB is retrieved first`() throws {
        let bench = try Bench("7.3")
        try bench.register()
        _ = try bench.session(2)
        var configuration = try KernelConfiguration.test("7.3", bench.journal)
        configuration.isAsDocumented = true
        let next = Kernel(configuration, handedOver: try bench.kernel.kexec())
        try next.register(bench.handler)
        try next.register(bench.flb, with: bench.handler)
        _ = bench.journal.calls()
        try next.openDevice().retrieveSession("session").finish()
        #expect(bench.journal.calls() == ["handler finish", "handler finish", "flb retrieve", "flb finish"])
    }
}
