import Foundation
import Handover
import KernelABI
import SystemPackage
import TestSupport
import Testing

@testable import LiveUpdate

/// Many threads at once. Each knows the expected results of its own calls; their combined effect is checked using the
/// kernel's events, which are in the order in which an FLB's lock was held, and what is left at the end.
@Suite struct ConcurrencyTests {
    private static let threadCount = 8
    private static let stepCount = 1500
    private static let flbCount = 4

    /// An FLB whose operations fail now and then; the calling thread is notified.
    private static func flb(_ index: Int, _ module: Module, _ calls: CallCounter) -> FLB {
        FLB(
            compatible: "flb\(index)",
            operations: FLB.Operations(
                preserve: { memory throws(Errno) in
                    calls.enter(index)
                    defer { calls.leave(index) }
                    if calls.shallFail() {
                        Thread.current.threadDictionary["failed"] = true
                        throw .noMemory
                    }
                    let block = try memory.allocatePreserved(byteCount: 100)
                    return FLB.Preserved(data: block.address.rawValue, object: "live")
                },
                unpreserve: { preserved, memory in
                    calls.enter(index)
                    defer { calls.leave(index) }
                    memory.unpreserveAndFree(PageBlock(address: PhysicalAddress(preserved.data), order: 0))
                },
                retrieve: { data, memory throws(Errno) in
                    calls.enter(10 + index)
                    defer { calls.leave(10 + index) }
                    return try memory.restore(at: PhysicalAddress(data))
                },
                finish: { object, memory in
                    calls.enter(10 + index)
                    defer { calls.leave(10 + index) }
                    if let block = object as? PageBlock { memory.free(block) }
                }),
            owner: module)
    }

    private static func inThreads(_ body: @escaping @Sendable (Int) -> Void) {
        let done = DispatchSemaphore(value: 0)
        for index in 0..<threadCount {
            Thread {
                body(index)
                done.signal()
            }.start()
        }
        for _ in 0..<threadCount { done.wait() }
    }

    /// A kernel with two handlers like that for memfds: h0 has the FLBs 0, 1, 2; h1 has 3, 1.
    private struct Setup: Sendable {
        static let links = [[0, 1, 2], [3, 1]]
        let kernel: Kernel
        let journal = Journal()
        let calls = CallCounter()
        let modules: [Module]
        let flbs: [FLB]

        init(_ release: String, _ handedOver: HandedOver?) throws {
            modules = (0..<flbCount).map { Module(name: "flb\($0)") }
            let calls = calls
            flbs = zip(0..., modules).map { ConcurrencyTests.flb($0, $1, calls) }
            kernel = Kernel(try .test(release, journal), handedOver: handedOver)
            for (index, links) in Self.links.enumerated() {
                let handler = Self.handler("h\(index)")
                try kernel.register(handler)
                for flb in links { try kernel.register(flbs[flb], with: handler) }
            }
        }

        static func handler(_ name: String) -> FileHandler {
            var operations = FileHandler.Operations()
            operations.canPreserve = { ($0 as? OpaqueFile)?.handler == name }
            operations.preserve = { file, _ throws(Errno) in PreservedFile(data: (file as? OpaqueFile)?.data ?? 0) }
            operations.unpreserve = { _, _, _ in }
            operations.retrieve = { preserved, _ in OpaqueFile(handler: name, data: preserved.data) }
            operations.finish = { _, _, _, _ in }
            return FileHandler(compatible: name, operations: operations)
        }
    }

    @Test(arguments: ["7.0-118c3908", "7.1.8", "7.3"])
    func `threads agree with each other and with what they did`(release: String) throws {
        let old = try Setup(release, nil)
        let device = try old.kernel.openDevice()
        let problems = Problems()
        let preserved = Locked<[Int: [(token: UInt64, handler: Int)]]>([:])

        Self.inThreads { thread in
            var generator = SplitMix64(seed: UInt64(thread))
            var files: [(token: UInt64, handler: Int)] = []
            var session: OutgoingSession?
            let own = Setup.handler("own\(thread)")
            for step in 0..<Self.stepCount {
                let place = "thread \(thread), step \(step)"
                do throws(Errno) {
                    guard let open = session else {
                        session = try device.createSession("session\(thread)")
                        files = []
                        continue
                    }
                    switch Int.random(in: 0..<20, using: &generator) {
                    case 0..<12:
                        let token = UInt64.random(in: 0..<40, using: &generator)
                        let handler = Int.random(in: 0..<2, using: &generator)
                        Thread.current.threadDictionary["failed"] = nil
                        let file = OpaqueFile(handler: "h\(handler)", data: token)
                        let result = error { () throws(Errno) in try open.preserve(file, token: token) }
                        let hasFailed = Thread.current.threadDictionary["failed"] != nil
                        let expected: Errno? =
                            files.contains { $0.token == token } ? .fileExists : hasFailed ? .noMemory : nil
                        problems.check(result == expected, "\(place): preserve gives \(String(describing: result))")
                        if result == nil { files.append((token, handler)) }
                    case 12..<14:
                        guard step < Self.stepCount - 200 else { continue }
                        try open.close()
                        session = nil
                    case 14..<17:
                        let flb = Int.random(in: 0..<Self.flbCount, using: &generator)
                        let isOurs = files.contains { Setup.links[$0.handler].contains(flb) }
                        let result = error { () throws(Errno) in _ = try old.kernel.getOutgoing(old.flbs[flb]) }
                        // Others may hold it as well, but ours certainly do.
                        problems.check(
                            result == nil || (result == .noSuchFileOrDirectory && !isOurs && release >= "7.2"),
                            "\(place): get outgoing")
                        if result == nil, release >= "7.2" { try old.kernel.putOutgoing(old.flbs[flb]) }
                    default:
                        try old.kernel.register(own)
                        let twice = error { () throws(Errno) in try old.kernel.register(own) }
                        problems.check(twice == .fileExists, "\(place): registering twice")
                        let flb = TestFLB("own\(thread)").make()
                        try old.kernel.register(flb, with: own)
                        try old.kernel.register(old.flbs[0], with: own)
                        for link in [flb, old.flbs[0]] { try old.kernel.unregister(link, from: own) }
                        try old.kernel.unregister(own)
                    }
                } catch {
                    problems.check(false, "\(place): \(error.kernelName)")
                }
            }
            let left = files
            preserved.withLock { $0[thread] = left }
        }

        #expect(problems.all == [])
        #expect(old.calls.overlaps == 0)
        let files = preserved.withLock { $0 }.values.flatMap { $0 }
        let counts = (0..<Self.flbCount).map { flb in
            Int64(files.count { Setup.links[$0.handler].contains(flb) })
        }
        #expect(old.flbs.map(old.kernel.outgoingCount) == counts)
        #expect(Replay(old.journal.events, .outgoing).problems == [])
        #expect(old.modules.map(\.references) == counts.map { $0 > 0 ? 1 : 0 })
        #expect(old.kernel.memory.preservedBlockCount == counts.count { $0 > 0 })
        #expect(old.kernel.preservedFiles.count == files.count)

        let handedOver = try old.kernel.kexec()
        let records = handedOver.state?.luo?.flbs ?? []
        #expect(records.map { Int64($0.count) } == counts.filter { $0 > 0 })

        let new = try Setup(release, handedOver)
        let sessions = try new.kernel.openDevice()
        // Finishing files before their FLB is retrieved decrements the count from 0.
        let handedOverFLBs = new.flbs.filter { flb in records.contains { $0.name == KernelString(flb.compatible) } }
        for flb in handedOverFLBs { _ = try new.kernel.getIncoming(flb) }
        let wanted = preserved.withLock { $0 }
        Self.inThreads { thread in
            var generator = SplitMix64(seed: UInt64(100 + thread))
            do throws(Errno) {
                var held: [FLB] = []
                let session = try sessions.retrieveSession("session\(thread)")
                for file in wanted[thread] ?? [] {
                    let flb = new.flbs[Int.random(in: 0..<Self.flbCount, using: &generator)]
                    let result = error { () throws(Errno) in _ = try new.kernel.getIncoming(flb) }
                    let isThere = records.contains { $0.name == KernelString(flb.compatible) }
                    // A borrowed object may be finished meanwhile by other files; one with a reference may not before
                    // ours are.
                    let isLent = release < "7.1.8"
                    problems.check(
                        result == (isThere ? nil : .noSuchFileOrDirectory)
                            || (isLent || held.isEmpty) && result == .noData,
                        "thread \(thread): get incoming gives \(String(describing: result))")
                    if result == nil, release >= "7.1.8" { held.append(flb) }
                    if let got = try session.retrieve(token: file.token) as? OpaqueFile {
                        problems.check(got.data == file.token, "thread \(thread): another file")
                    }
                }
                try session.finish()
                for flb in held { try new.kernel.putIncoming(flb) }
                try session.close()
            } catch {
                problems.check(false, "thread \(thread): \(error.kernelName)")
            }
        }
        if release >= "7.1.8" { for flb in handedOverFLBs { try new.kernel.putIncoming(flb) } }
        #expect(problems.all == [])
        #expect(new.calls.overlaps == 0)
        #expect(Replay(new.journal.events, .incoming).problems == [])
        #expect(new.flbs.allSatisfy { new.kernel.incomingCount(of: $0) == 0 })
        #expect(new.modules.map(\.references) == [0, 0, 0, 0])
        #expect(new.kernel.preservedFiles.count == 0)
        for record in records {
            let calls = new.journal.events.compactMap { event -> String? in
                guard case .callback(let call) = event, KernelString(call.name) == record.name else { return nil }
                return call.operation.rawValue
            }
            #expect(calls == ["retrieve", "finish"])
        }
    }
}

/// Records problems found by threads.
private final class Problems: Sendable {
    private let problems = Locked<[String]>([])

    var all: [String] { problems.withLock { $0 } }

    func check(_ isRight: Bool, _ problem: @autoclosure () -> String) {
        guard !isRight else { return }
        let text = problem()
        problems.withLock { $0.append(text) }
    }
}

/// Checks that no two operations of an FLB and direction run at once, and makes some fail.
private final class CallCounter: Sendable {
    private struct State {
        var running: Set<Int> = []
        var overlaps = 0
        var calls = 0
    }

    private let state = Locked(State())

    var overlaps: Int { state.withLock { $0.overlaps } }

    func enter(_ id: Int) {
        state.withLock { state in
            if !state.running.insert(id).inserted { state.overlaps += 1 }
        }
        // Long enough for another thread to interleave, if it can.
        sched_yield()
    }

    func leave(_ id: Int) {
        _ = state.withLock { $0.running.remove(id) }
    }

    /// Every seventh call.
    func shallFail() -> Bool {
        state.withLock { state in
            state.calls += 1
            return state.calls % 7 == 0
        }
    }
}

/// Replays a kernel's events for each FLB, and checks that each is a valid successor of the one before.
private struct Replay {
    private(set) var problems: [String] = []
    private var counts: [String: Int64] = [:]
    private var isLive: [String: Bool] = [:]
    private var isLoaded: Set<String> = []

    init(_ events: [Event], _ direction: Event.Direction) {
        for event in events {
            switch event {
            case .count(let flb, direction, let from, let to):
                if direction == .incoming, isLoaded.insert(flb).inserted { counts[flb] = from }
                check(from == counts[flb, default: 0] && abs(to - from) == 1 && to >= 0, "\(flb): \(from) to \(to)")
                if direction == .outgoing, to > from { check(isLive[flb] == true, "\(flb): counted, and not live") }
                counts[flb] = to
            case .callback(let call) where call.subject == .flb && call.error == nil:
                let count = counts[call.name, default: 0]
                let wasLive = isLive[call.name] ?? false
                switch call.operation {
                case .preserve: check(count == 0 && !wasLive, "\(call.name): preserved twice")
                case .unpreserve: check(count == 0 && wasLive, "\(call.name): unpreserved at \(count)")
                case .retrieve: check(!wasLive, "\(call.name): retrieved twice")
                case .finish: check(count == 0 && wasLive, "\(call.name): finished at \(count)")
                default: break
                }
                isLive[call.name] = call.operation == .preserve || call.operation == .retrieve
            case .warning(let text): problems.append(text)
            default: break
            }
        }
    }

    private mutating func check(_ isRight: Bool, _ problem: String) {
        if !isRight { problems.append(problem) }
    }
}
