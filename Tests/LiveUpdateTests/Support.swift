import Foundation
import Handover
import KernelABI
import SystemPackage
import Testing

@testable import LiveUpdate

/// Records what a kernel reports to its observer.
final class Journal: Sendable {
    private let log = Locked<[Event]>([])

    var observer: Observer { { event in self.log.withLock { $0.append(event) } } }
    var events: [Event] { log.withLock { $0 } }

    /// Returns the calls so far as `name operation`, and clears them.
    func calls() -> [String] {
        log.withLock { log in
            let calls = log.compactMap { event -> String? in
                guard case .callback(let call) = event else { return nil }
                return "\(call.name) \(call.operation.rawValue)" + (call.error.map { " \($0.kernelName)" } ?? "")
            }
            log.removeAll { if case .callback = $0 { true } else { false } }
            return calls
        }
    }

    var warnings: [String] {
        events.compactMap { event in
            if case .warning(let text) = event { text } else { nil }
        }
    }
}

/// An FLB whose operations do nothing, or fail on request.
final class TestFLB: Sendable {
    let failures = Locked<[Event.Callback.Operation: Errno]>([:])
    let module: Module
    private let name: String
    private let data: UInt64

    init(_ name: String, data: UInt64 = 0xFEED) {
        self.name = name
        self.data = data
        module = Module(name: name)
    }

    private func failure(_ operation: Event.Callback.Operation) -> Errno? {
        failures.withLock { $0.removeValue(forKey: operation) }
    }

    func fail(_ operation: Event.Callback.Operation, _ error: Errno) {
        failures.withLock { $0[operation] = error }
    }

    func make() -> FLB {
        let data = data
        return FLB(
            compatible: name,
            operations: FLB.Operations(
                preserve: { _ throws(Errno) in
                    if let error = self.failure(.preserve) { throw error }
                    return FLB.Preserved(data: data, object: "object of \(data)")
                },
                unpreserve: { _, _ in },
                retrieve: { data, _ throws(Errno) in
                    if let error = self.failure(.retrieve) { throw error }
                    return "object of \(data)"
                },
                finish: { _, _ in }),
            owner: module)
    }
}

extension KernelConfiguration {
    static func test(_ release: String = "7.3", _ journal: Journal? = nil) throws -> Self {
        var configuration = try #require(KernelConfiguration(release: release))
        configuration.observer = journal?.observer
        return configuration
    }
}

/// Runs a throwing body, and returns its `Errno`.
func error(of body: () throws(Errno) -> Void) -> Errno? {
    do throws(Errno) {
        try body()
        return nil
    } catch {
        return error
    }
}
