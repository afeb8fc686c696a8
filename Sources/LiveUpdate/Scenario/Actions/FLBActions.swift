extension ActionForm {
    static let flbs = [
        get("get_outgoing", .outgoing) { try $0.kernel.getOutgoing($1) },
        put("put_outgoing", .outgoing) { try $0.kernel.putOutgoing($1) },
        get("get_incoming", .incoming) { try $0.kernel.getIncoming($1) },
        put("put_incoming", .incoming) { try $0.kernel.putIncoming($1) },
    ]

    /// Gets an FLB's object, and checks whether it is one of those expected.
    private static func get(
        _ verb: String, _ direction: Event.Direction,
        _ call: @escaping @Sendable (ScenarioRun, FLB) throws -> LiveObject?
    ) -> ActionForm {
        ActionForm(verb, [.flb, .objects]) {
            "get the \(direction.rawValue) object of FLB \($0.flb)"
        } perform: { step, run in
            let found = try call(run, try run.flb(step.flb)).map { "\($0)" } ?? "none"
            run.lastObject = found
            guard let expected = step.objects, !expected.contains(found) else { return }
            throw ScenarioProblem("the object is \"\(found)\", not \"\(expected.joined(separator: "\" or \""))\"")
        }
    }

    private static func put(
        _ verb: String, _ direction: Event.Direction, _ call: @escaping @Sendable (ScenarioRun, FLB) throws -> Void
    ) -> ActionForm {
        ActionForm(verb, [.flb, .onlyIfGot]) {
            "put the \(direction.rawValue) object of FLB \($0.flb)" + ($0.isOnlyIfGot ? ", if it was got" : "")
        } perform: { step, run in
            if step.isOnlyIfGot, run.lastResult != nil { return }
            try call(run, try run.flb(step.flb))
        }
    }
}
