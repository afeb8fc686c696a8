import Handover
import SystemPackage

extension ScenarioReport {
    /// The lines that the player of `Tests/Kernel` prints when a kernel plays the scenario: calls, warnings, results,
    /// and the counts and references after each step. They allow comparing a kernel with the model line by line.
    public var kernelTrace: [String] {
        let payloads = Set(scenario.flbs.filter { $0.payload != nil }.map(\.compatible))
        return entries.flatMap { $0.kernelTrace(payloads) }
    }
}

extension ScenarioReport.Entry {
    fileprivate func kernelTrace(_ payloads: Set<String>) -> [String] {
        // Live update is not concerned with the contents of memfds.
        if step?.action.kind == .memory { return [] }
        let label = number.map { "step \($0)" } ?? "boot"
        var lines = step == nil ? [] : [label]
        lines += events.compactMap { $0.kernelTrace(payloads) }
        switch result {
        case .errno(.crashed), .errno(.deadlocked): return lines + ["dead"]
        case .errno(.kernelGone) where !isRunning: return []
        case .errno(let errno), .problem(_, .some(let errno)): lines.append("result \(errno.rawValue)")
        case nil, .problem: lines += hasBooted ? [isRunning ? "up" : "dead"] : ["result 0"]
        }
        guard !hasBooted else { return lines }
        for count in counts { lines.append("count \(count.flb) \(count.outgoing) \(count.incoming)") }
        for owner in owners { lines.append("owner \(owner.name) \(owner.references)") }
        return lines
    }
}

extension Event {
    fileprivate func kernelTrace(_ payloads: Set<String>) -> String? {
        switch self {
        case .callback(let call):
            // A kernel's built-in handlers do not report their calls.
            let isKernels = KernelHandler.all.contains { $0.compatibles.contains(call.name) }
            if call.subject == .handler, isKernels { return nil }
            if call.operation == .canFinish, call.error == nil { return nil }
            if let error = call.error { return "call \(call.name) \(call.operation.rawValue) -\(error.rawValue)" }
            let data =
                call.subject == .flb && payloads.contains(call.name) && call.data != nil
                ? " payload" : call.data.map { " \($0.prefixedHex)" } ?? ""
            return "call \(call.name) \(call.operation.rawValue)\(data)"
        case .warning(let text) where text.hasPrefix("luo_"): return "warning \(text.prefix { $0 != ":" })"
        case .warning(let text) where text.hasPrefix("refcount_t"): return "warning \(text)"
        case .warning, .message, .count: return nil
        }
    }
}
