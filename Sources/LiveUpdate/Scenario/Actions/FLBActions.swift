extension ActionForm {
    static let flbs = [
        get("get_outgoing", .outgoing) { try $0.kernel.getOutgoing($1) },
        put("put_outgoing", .outgoing) { try $0.kernel.putOutgoing($1) },
        get("get_incoming", .incoming) { try $0.kernel.getIncoming($1) },
        put("put_incoming", .incoming) { try $0.kernel.putIncoming($1) },
    ]

    /// Gets an FLB's object, and checks it against those that are expected.
    private static func get(
        _ verb: String, _ direction: Event.Direction,
        _ call: @escaping @Sendable (ScenarioRun, FLB) throws -> LiveObject?
    ) -> ActionForm {
        ActionForm(verb) { object in
            let flb = try object.name(.flb)
            let expected = try object.optional(
                "object", "the object that is expected, or several of which one is; or none", as: Alternatives.self)
            return ScenarioAction("get the \(direction.rawValue) object of FLB \(flb)") { run in
                let found = try call(run, try run.flb(flb)).map { "\($0)" } ?? "none"
                run.lastObject = found
                guard let expected, !expected.names.contains(found) else { return }
                throw ScenarioProblem(
                    "the object is \"\(found)\", not \"\(expected.names.joined(separator: "\" or \""))\"")
            }
        }
    }

    private static func put(
        _ verb: String, _ direction: Event.Direction, _ call: @escaping @Sendable (ScenarioRun, FLB) throws -> Void
    ) -> ActionForm {
        ActionForm(verb) { object in
            let flb = try object.name(.flb)
            let onlyIfGot = try object.flag("if_got", "whether to do so only if the step before succeeded") ?? false
            let sentence = "put the \(direction.rawValue) object of FLB \(flb)" + (onlyIfGot ? ", if it was got" : "")
            return ScenarioAction(sentence) { run in
                if onlyIfGot, run.lastResult != nil { return }
                try call(run, try run.flb(flb))
            }
        }
    }
}
