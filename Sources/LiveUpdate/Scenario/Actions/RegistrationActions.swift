import SystemPackage

struct RegisterHandler: ScenarioAction {
    static let verb = "register_handler"
    let handler: String

    init(_ object: inout StrictObject) throws {
        handler = try object.string("handler", "the name of a handler")
    }

    var sentence: String { "register file handler \(handler)" }

    var names: [ScenarioName] { [ScenarioName(.handler, handler)] }

    func perform(in run: inout ScenarioRun) throws {
        try run.kernel.register(try run.handler(handler))
    }
}

struct UnregisterHandler: ScenarioAction {
    static let verb = "unregister_handler"
    let handler: String

    init(_ object: inout StrictObject) throws {
        handler = try object.string("handler", "the name of a handler")
    }

    var sentence: String { "unregister file handler \(handler)" }

    var names: [ScenarioName] { [ScenarioName(.handler, handler)] }

    func perform(in run: inout ScenarioRun) throws {
        try run.kernel.unregister(try run.handler(handler))
    }
}

struct RegisterFLB: ScenarioAction {
    static let verb = "register_flb"
    let flb: String
    let handler: String

    init(_ object: inout StrictObject) throws {
        flb = try object.string("flb", "the name of an FLB")
        handler = try object.string("handler", "the name of a handler")
    }

    var sentence: String { "register FLB \(flb) with file handler \(handler)" }

    var names: [ScenarioName] { [ScenarioName(.flb, flb), ScenarioName(.handler, handler)] }

    func perform(in run: inout ScenarioRun) throws {
        try run.kernel.register(try run.flb(flb), with: try run.handler(handler))
    }
}

struct UnregisterFLB: ScenarioAction {
    static let verb = "unregister_flb"
    let flb: String
    let handler: String

    init(_ object: inout StrictObject) throws {
        flb = try object.string("flb", "the name of an FLB")
        handler = try object.string("handler", "the name of a handler")
    }

    var sentence: String { "unregister FLB \(flb) from file handler \(handler)" }

    var names: [ScenarioName] { [ScenarioName(.flb, flb), ScenarioName(.handler, handler)] }

    func perform(in run: inout ScenarioRun) throws {
        try run.kernel.unregister(try run.flb(flb), from: try run.handler(handler))
    }
}

/// Registers FLBs that are not defined: to see a limit.
struct RegisterMany: ScenarioAction {
    static let verb = "register_many"
    let prefix: String
    let count: UInt64
    let handler: String

    init(_ object: inout StrictObject) throws {
        prefix = try object.string("prefix", "the beginning of the FLBs' names")
        count = try object.number("count", "how many FLBs")
        handler = try object.string("handler", "the name of a handler")
    }

    var sentence: String { "register \(count) FLBs \(prefix)0, \(prefix)1, … with file handler \(handler)" }

    var names: [ScenarioName] { [ScenarioName(.handler, handler)] }

    func perform(in run: inout ScenarioRun) throws {
        for index in 0..<count {
            try run.kernel.register(run.plainFLB("\(prefix)\(index)", data: index), with: try run.handler(handler))
        }
    }
}

/// Makes the next call of an operation fail.
struct Fail: ScenarioAction {
    static let verb = "fail"
    let name: String
    let operation: Event.Callback.Operation
    let error: Errno

    init(_ object: inout StrictObject) throws {
        name = try object.string("of", "the name of an FLB or handler")
        let word = try object.word(
            "operation", "an operation that can fail", among: Event.Callback.Operation.fallible.map(\.rawValue),
            isRequired: true)
        operation = word.flatMap(Event.Callback.Operation.init) ?? .preserve
        error = try object.errno("with", "the error that it returns")
    }

    var sentence: String { "let the next \(operation.rawValue) of \(name) fail with \(error.kernelName)" }

    var names: [ScenarioName] { [ScenarioName(.part, name, key: "of")] }

    func perform(in run: inout ScenarioRun) throws {
        run.faults.add(name, operation, error)
    }
}

struct Unload: ScenarioAction {
    static let verb = "unload"
    let name: String

    init(_ object: inout StrictObject) throws {
        name = try object.string("owner_of", "the name of an FLB or handler")
    }

    var sentence: String { "begin to unload the module of \(name)" }

    var names: [ScenarioName] { [ScenarioName(.part, name, key: "owner_of")] }

    func perform(in run: inout ScenarioRun) throws {
        try run.unloadableModule(of: name).setUnloading(true)
    }
}

struct Load: ScenarioAction {
    static let verb = "load"
    let name: String

    init(_ object: inout StrictObject) throws {
        name = try object.string("owner_of", "the name of an FLB or handler")
    }

    var sentence: String { "give up unloading the module of \(name)" }

    var names: [ScenarioName] { [ScenarioName(.part, name, key: "owner_of")] }

    func perform(in run: inout ScenarioRun) throws {
        try run.unloadableModule(of: name).setUnloading(false)
    }
}
