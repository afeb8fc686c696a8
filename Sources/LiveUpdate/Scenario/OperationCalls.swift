import Handover
import SystemPackage

/// The additional calls that operations of handlers and FLBs make while they run: to the kernel, and to lock mutexes of
/// their driver.
final class OperationCalls: Sendable {
    /// The run to which calls apply, for each side of a race, and for code outside of races (-1).
    private let runs = Locked<[Int: ScenarioRun]>([:])

    /// Sets the run to which calls of this thread apply.
    func set(_ run: ScenarioRun?) {
        runs.withLock { $0[Self.side] = run }
    }

    private static var side: Int { RaceSide.current?.index ?? -1 }

    /// Makes the calls of an operation, up to the first that fails.
    ///
    /// - Throws: The error from the call that fails.
    func perform(_ steps: [ScenarioStep]) throws(Errno) {
        guard !steps.isEmpty, var run = runs.withLock({ $0[Self.side] }) else { return }
        for step in steps {
            do {
                try step.action.perform(step, &run)
            } catch let error as Errno {
                run.kernel.fail(error)
                throw error
            } catch {
                // Reading a scenario rejects calls that are impossible here.
                throw .invalidArgument
            }
        }
    }
}

/// The calls that the operations of a handler or FLB make.
struct OperationSteps: DocumentObject {
    private var steps: [String: [ScenarioStep]] = [:]

    subscript(operation: Event.Callback.Operation) -> [ScenarioStep] { steps[operation.rawValue] ?? [] }

    var all: [(operation: String, steps: [ScenarioStep])] {
        steps.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    static let form = ObjectForm<Self>(
        "operations", "for operations, the calls that they make",
        Event.Callback.Operation.allCases.filter { $0 != .canFinish }.map(\.rawValue).map { operation in
            .ifKnown(
                operation, { $0.steps[operation] }, { $0.steps[operation] = $1 }, "the calls that \(operation) makes")
        })

    /// Reports calls that a handler or FLB with this name cannot make.
    func check(of name: String, lacking lacks: Set<String>, _ reader: inout DocumentReader) {
        let known = ActionForm.ofOperations.map(\.verb)
        for (operation, steps) in all {
            if lacks.contains(operation) {
                reader.note(at: ".does.\(operation)", "\(name) lacks \(operation), which makes no calls")
            }
            for (index, step) in steps.enumerated() where !known.contains(step.verb) {
                reader.note(
                    at: ".does.\(operation)[\(index)]",
                    "\"\(step.verb)\" cannot be done in an operation; what can is \(known.joined(separator: ", "))")
            }
        }
    }
}
