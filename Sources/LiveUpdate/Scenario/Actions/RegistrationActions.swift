import SystemPackage

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
        ActionForm(verb) { object in
            let handler = try object.name(.handler)
            return ScenarioAction("\(word) file handler \(handler)") { run in try call(run, try run.handler(handler)) }
        }
    }

    private static func ofFLB(
        _ verb: String, _ words: String, _ preposition: String,
        _ call: @escaping @Sendable (ScenarioRun, FLB, FileHandler) throws -> Void
    ) -> ActionForm {
        ActionForm(verb) { object in
            let flb = try object.name(.flb)
            let handler = try object.name(.handler)
            return ScenarioAction("\(words) \(flb) \(preposition) file handler \(handler)") { run in
                try call(run, try run.flb(flb), try run.handler(handler))
            }
        }
    }

    /// Registers FLBs that are not defined: to see a limit.
    static let registerMany = ActionForm("register_many") { object in
        let prefix = try object.string("prefix", "the beginning of the FLBs' names")
        let count = try object.number("count", "how many FLBs")
        let handler = try object.name(.handler)
        let sentence = "register \(count) FLBs \(prefix)0, \(prefix)1, … with file handler \(handler)"
        return ScenarioAction(sentence) { run in
            for index in 0..<count {
                try run.kernel.register(run.plainFLB("\(prefix)\(index)", data: index), with: try run.handler(handler))
            }
        }
    }

    /// Makes the next call of an operation fail.
    static let fail = ActionForm("fail", canRace: false) { object in
        let name = try object.name(.part, "of")
        let word = try object.word(
            "operation", "an operation that can fail", among: Event.Callback.Operation.fallible.map(\.rawValue),
            isRequired: true)
        let operation = word.flatMap(Event.Callback.Operation.init) ?? .preserve
        let error = try object.errno("with", "the error that it returns")
        let sentence = "let the next \(operation.rawValue) of \(name) fail with \(error.kernelName)"
        let place = Faults.Place(name: name, operation: operation)
        return ScenarioAction(sentence, .fault(place)) { run in run.faults.add(place, error) }
    }

    static let unload = ofModule("unload", "begin to unload", isUnloading: true)
    static let load = ofModule("load", "give up unloading", isUnloading: false)

    private static func ofModule(_ verb: String, _ words: String, isUnloading: Bool) -> ActionForm {
        ActionForm(verb) { object in
            let name = try object.name(.part, "owner_of")
            return ScenarioAction("\(words) the module of \(name)") { run in
                try run.unloadableModule(of: name).setUnloading(isUnloading)
            }
        }
    }
}
