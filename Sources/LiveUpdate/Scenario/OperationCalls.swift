import SystemPackage

/// What the operations of handlers and FLBs do in addition while they run: call the kernel, and lock mutexes of their
/// driver.
final class OperationCalls: Sendable {
    /// What calls go by: of each side of a race, and of what is in none (-1).
    private let runs = Locked<[Int: ScenarioRun]>([:])

    /// Sets what calls of this thread go by.
    func set(_ run: ScenarioRun?) {
        runs.withLock { $0[Self.side] = run }
    }

    private static var side: Int { RaceSide.current?.index ?? -1 }

    /// Does what an operation does, as far as it succeeds.
    ///
    /// - Throws: what the call gives that does not.
    func perform(_ steps: [ScenarioStep]) throws(Errno) {
        guard !steps.isEmpty, var run = runs.withLock({ $0[Self.side] }) else { return }
        for step in steps {
            do {
                try step.action.perform(&run)
            } catch let error as Errno {
                run.kernel.fail(error)
                throw error
            } catch {
                // A scenario that makes no sense here is refused when it is read.
                throw .invalidArgument
            }
        }
    }
}

/// The calls that the operations of a handler or FLB make.
struct OperationSteps: Sendable {
    private var steps: [String: [ScenarioStep]] = [:]

    static let none = OperationSteps()

    subscript(operation: Event.Callback.Operation) -> [ScenarioStep] { steps[operation.rawValue] ?? [] }

    var all: [(operation: String, steps: [ScenarioStep])] {
        steps.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
}

extension OperationSteps: Decodable, ScenarioPart {
    init(from decoder: any Decoder) throws {
        var object = try StrictObject(decoder, "operations, and the calls that they make", of: Self.self)
        try self.init(&object)
    }

    init(_ object: inout StrictObject) throws {
        for operation in ["preserve", "freeze", "unfreeze", "unpreserve", "retrieve", "finish"] {
            let calls = try object.array(operation, "the calls that \(operation) makes", of: ScenarioStep.self)
            for (index, call) in calls.enumerated() {
                let known = ActionForm.ofOperations.map(\.verb)
                if known.contains(call.form.verb) { continue }
                throw object.error(
                    at: "\(operation)[\(index)]",
                    "\"\(call.form.verb)\" cannot be done in an operation; what can is \(known.joined(separator: ", "))"
                )
            }
            if !calls.isEmpty { steps[operation] = calls }
        }
    }
}
