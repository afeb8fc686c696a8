import Foundation
import Handover
import KernelABI
import SystemPackage
import Testing

@testable import LiveUpdate

/// A generator of random numbers that gives the same ones for the same seed (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}

/// A kernel with the parts that the reference has numbers for.
private final class Machine {
    static let flbCount = 6
    static let fileCount = 9
    let journal = Journal()
    let kernel: Kernel
    let device: Device?
    let testFLBs: [TestFLB]
    let flbs: [FLB]
    let handlers: [FileHandler]
    let files: [OpaqueFile]
    var outgoing: [Int: OutgoingSession] = [:]
    var incoming: [Int: IncomingSession] = [:]

    init(_ configuration: KernelConfiguration, _ handedOver: HandedOver?) throws {
        var configuration = configuration
        configuration.observer = journal.observer
        kernel = Kernel(configuration, handedOver: handedOver)
        testFLBs = (0..<Self.flbCount).map { TestFLB("\($0)", data: UInt64($0)) }
        flbs = testFLBs.map { $0.make() }
        handlers = (0..<3).map(Self.handler)
        files = (0..<Self.fileCount).map { OpaqueFile(handler: "h\($0 % 3)", data: UInt64($0)) }
        for handler in handlers { try kernel.register(handler) }
        device = try kernel.openDevice()
    }

    static func handler(_ index: Int) -> FileHandler {
        let name = "h\(index)"
        var operations = FileHandler.Operations()
        operations.canPreserve = { ($0 as? OpaqueFile)?.handler == name }
        operations.preserve = { file, _ throws(Errno) in PreservedFile(data: (file as? OpaqueFile)?.data ?? 0) }
        operations.unpreserve = { _, _, _ in }
        operations.retrieve = { preserved, _ in OpaqueFile(handler: name, data: preserved.data) }
        operations.finish = { _, _, _, _ in }
        return FileHandler(compatible: name, operations: operations)
    }

    /// The FLBs' operations since the last call.
    func calls() -> [String] {
        journal.calls().filter { !$0.hasPrefix("h") }
    }
}

@Suite struct ModelTests {
    /// One thread: after every step the kernel and the reference agree in errors, calls and counts.
    @Test(arguments: ["7.0", "7.1", "7.2", "7.3"], [false, true])
    func `random steps agree with the reference`(release: String, isQuirky: Bool) throws {
        var generator = SeededGenerator(UInt64(release.utf8.last ?? 0) * 2 + (isQuirky ? 1 : 0))
        let configuration = try KernelConfiguration.test(
            release, quirks: isQuirky ? [.countLoadedByRetrieve] : [])
        var machine = try Machine(configuration, nil)
        var reference = Reference(release, countsByRetrieve: isQuirky)
        var holdsOutgoing = [Int](repeating: 0, count: Machine.flbCount)
        var holdsIncoming = holdsOutgoing
        var kexecs = 0

        for step in 0..<6000 {
            let flb = Int.random(in: 0..<Machine.flbCount, using: &generator)
            let handler = Int.random(in: 0..<3, using: &generator)
            let session = Int.random(in: 0..<4, using: &generator)
            let file = Int.random(in: 0..<Machine.fileCount, using: &generator)
            let token = UInt64.random(in: 0..<5, using: &generator)
            let kernel = machine.kernel
            var found: Errno?
            var expected: Errno?
            var what = ""
            switch Int.random(in: 0..<100, using: &generator) {
            case 0..<10:
                what = "link \(flb) \(handler)"
                found = error { () throws(Errno) in
                    try kernel.register(machine.flbs[flb], with: machine.handlers[handler])
                }
                expected = reference.link(flb, handler)
            case 10..<14:
                what = "unlink \(flb) \(handler)"
                found = error { () throws(Errno) in
                    try kernel.unregister(machine.flbs[flb], from: machine.handlers[handler])
                }
                expected = reference.unlink(flb, handler)
            case 14..<22:
                what = "create \(session)"
                found = error { () throws(Errno) in
                    machine.outgoing[session] = try Device(kernel: kernel).createSession("\(session)")
                }
                expected = reference.create(session)
            case 22..<48:
                guard let open = machine.outgoing[session] else { continue }
                what = "preserve \(session) \(file) \(token)"
                found = error { () throws(Errno) in try open.preserve(machine.files[file], token: token) }
                expected = reference.preserve(session, file, token)
            case 48..<54:
                guard let open = machine.outgoing.removeValue(forKey: session) else { continue }
                what = "close \(session)"
                found = error { () throws(Errno) in try open.close() }
                reference.close(session)
            case 54..<60:
                what = "get outgoing \(flb)"
                found = error { () throws(Errno) in _ = try kernel.getOutgoing(machine.flbs[flb]) }
                expected = reference.getOutgoing(flb)
                if expected == nil, reference.outgoingIsCounted { holdsOutgoing[flb] += 1 }
            case 60..<66:
                guard holdsOutgoing[flb] > 0 || !reference.outgoingIsCounted else { continue }
                what = "put outgoing \(flb)"
                holdsOutgoing[flb] -= 1
                found = error { () throws(Errno) in try kernel.putOutgoing(machine.flbs[flb]) }
                expected = reference.putOutgoing(flb)
            case 66..<76:
                what = "get incoming \(flb)"
                found = error { () throws(Errno) in _ = try kernel.getIncoming(machine.flbs[flb]) }
                expected = reference.getIncoming(flb)
                if expected == nil { holdsIncoming[flb] += 1 }
            case 76..<83:
                guard holdsIncoming[flb] > 0 || !reference.incomingIsCounted else { continue }
                what = "put incoming \(flb)"
                holdsIncoming[flb] -= 1
                found = error { () throws(Errno) in try kernel.putIncoming(machine.flbs[flb]) }
                expected = reference.putIncoming(flb)
            case 83..<87:
                what = "retrieve session \(session)"
                found = error { () throws(Errno) in
                    machine.incoming[session] = try Device(kernel: kernel).retrieveSession("\(session)")
                }
                expected = reference.retrieveSession(session)
            case 87..<91:
                guard let open = machine.incoming[session] else { continue }
                what = "finish \(session)"
                found = error { () throws(Errno) in try open.finish() }
                reference.finish(session)
            case 91..<93:
                machine.testFLBs[flb].fail(.preserve, .noMemory)
                reference.failsPreserve.insert(flb)
            case 93..<95:
                machine.testFLBs[flb].fail(.retrieve, .ioError)
                reference.failsRetrieve.insert(flb)
            case 95..<97:
                let isUnloading = Bool.random(using: &generator)
                machine.testFLBs[flb].module.setUnloading(isUnloading)
                if isUnloading { reference.isUnloading.insert(flb) } else { reference.isUnloading.remove(flb) }
            default:
                guard Int.random(in: 0..<3, using: &generator) == 0 else { continue }
                what = "kexec"
                let handedOver = try kernel.kexec()
                let records = (handedOver.state?.luo?.flbs ?? []).map { "\($0.name) \($0.data) \($0.count)" }
                let counts = reference.order.compactMap { flb -> String? in
                    let count = reference.outgoing[flb, default: 0]
                    return count > 0 ? "\(flb) \(flb) \(count)" : nil
                }
                #expect(records == counts, "step \(step)")
                #expect(machine.calls() == reference.takeCalls())
                machine = try Machine(configuration, handedOver)
                reference = reference.next()
                holdsOutgoing = holdsOutgoing.map { _ in 0 }
                holdsIncoming = holdsOutgoing
                kexecs += 1
            }
            let calls = machine.calls()
            let expectedCalls = reference.takeCalls()
            let outgoing = machine.flbs.map(machine.kernel.outgoingCount)
            let incoming = machine.flbs.map(machine.kernel.incomingCount)
            let expectedOutgoing = (0..<Machine.flbCount).map { reference.outgoing[$0, default: 0] }
            let expectedIncoming = (0..<Machine.flbCount).map { reference.incoming[$0, default: 0] }
            guard found == expected, calls == expectedCalls, outgoing == expectedOutgoing, incoming == expectedIncoming
            else {
                Issue.record(
                    """
                    step \(step), \(what): \(found?.kernelName ?? "ok") and not \(expected?.kernelName ?? "ok"), \
                    \(calls) and not \(expectedCalls), outgoing \(outgoing) and not \(expectedOutgoing), \
                    incoming \(incoming) and not \(expectedIncoming)
                    """)
                return
            }
        }
        #expect(kexecs > 20)
    }
}
