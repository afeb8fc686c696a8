extension ActionForm {
    static let registrations = [
        ofHandler("register_handler", "register") { try $0.kernel.register($1) },
        ofHandler("unregister_handler", "unregister") { try $0.kernel.unregister($1) },
        ofFLB("register_flb", "register FLB", "with") { try $0.kernel.register($1, with: $2) },
        ofFLB("unregister_flb", "unregister FLB", "from") { try $0.kernel.unregister($1, from: $2) },
    ]

    private static func ofHandler(
        _ verb: String, _ word: String, _ call: @escaping @Sendable (ScenarioRun, FileHandler) throws -> Void
    ) -> ActionForm {
        ActionForm(verb, [.handler]) {
            "\(word) file handler \($0.handler)"
        } perform: { step, run in
            try call(run, try run.handler(step.handler))
        }
    }

    private static func ofFLB(
        _ verb: String, _ words: String, _ preposition: String,
        _ call: @escaping @Sendable (ScenarioRun, FLB, FileHandler) throws -> Void
    ) -> ActionForm {
        ActionForm(verb, [.flb, .handler]) {
            "\(words) \($0.flb) \(preposition) file handler \($0.handler)"
        } perform: { step, run in
            try call(run, try run.flb(step.flb), try run.handler(step.handler))
        }
    }

    /// Registers many FLBs that the scenario does not define, to reach a limit.
    static let registerMany = ActionForm("register_many", StepMember.many("FLB") + [.handler]) {
        "register \($0.count) FLBs \($0.prefix)0, \($0.prefix)1, … with file handler \($0.handler)"
    } perform: { step, run in
        for index in 0..<step.count {
            let flb = run.plainFLB("\(step.prefix)\(index)", data: index)
            try run.kernel.register(flb, with: try run.handler(step.handler))
        }
    }

    /// Makes the next call of an operation fail.
    static let fail = ActionForm("fail", [.part, .operation, .error], .fault, canRace: false) {
        "let the next \($0.operation.rawValue) of \($0.part) fail with \($0.error.kernelName)"
    } perform: { step, run in
        run.faults.add(Faults.Place(name: step.part, operation: step.operation), step.error)
    }

    static let unload = ofModule("unload", "begin to unload", isUnloading: true)
    static let load = ofModule("load", "give up unloading", isUnloading: false)

    private static func ofModule(_ verb: String, _ words: String, isUnloading: Bool) -> ActionForm {
        ActionForm(verb, [.owned]) {
            "\(words) the module of \($0.part)"
        } perform: { step, run in
            try run.unloadableModule(of: step.part).setUnloading(isUnloading)
        }
    }
}
