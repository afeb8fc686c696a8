/// Checks an object against the one that is expected.
private func check(_ object: LiveObject?, _ expected: String?) throws {
    guard let expected else { return }
    let found = object.map { "\($0)" } ?? "none"
    guard found == expected else { throw ScenarioProblem("the object is \"\(found)\", not \"\(expected)\"") }
}

struct GetOutgoing: ScenarioAction {
    static let verb = "get_outgoing"
    let flb: String
    let object: String?

    init(_ object: inout StrictObject) throws {
        flb = try object.string("flb", "the name of an FLB")
        self.object = try object.optionalString("object", "the object that is expected")
    }

    var sentence: String { "get the outgoing object of FLB \(flb)" }

    var names: [ScenarioName] { [ScenarioName(.flb, flb)] }

    func perform(in run: inout ScenarioRun) throws {
        try check(try run.kernel.getOutgoing(try run.flb(flb)), object)
    }
}

struct PutOutgoing: ScenarioAction {
    static let verb = "put_outgoing"
    let flb: String

    init(_ object: inout StrictObject) throws {
        flb = try object.string("flb", "the name of an FLB")
    }

    var sentence: String { "put the outgoing object of FLB \(flb)" }

    var names: [ScenarioName] { [ScenarioName(.flb, flb)] }

    func perform(in run: inout ScenarioRun) throws {
        try run.kernel.putOutgoing(try run.flb(flb))
    }
}

struct GetIncoming: ScenarioAction {
    static let verb = "get_incoming"
    let flb: String
    let object: String?

    init(_ object: inout StrictObject) throws {
        flb = try object.string("flb", "the name of an FLB")
        self.object = try object.optionalString("object", "the object that is expected")
    }

    var sentence: String { "get the incoming object of FLB \(flb)" }

    var names: [ScenarioName] { [ScenarioName(.flb, flb)] }

    func perform(in run: inout ScenarioRun) throws {
        try check(try run.kernel.getIncoming(try run.flb(flb)), object)
    }
}

struct PutIncoming: ScenarioAction {
    static let verb = "put_incoming"
    let flb: String
    /// Only if the step before got something.
    let onlyIfGot: Bool

    init(_ object: inout StrictObject) throws {
        flb = try object.string("flb", "the name of an FLB")
        onlyIfGot = try object.flag("if_got", "whether to do so only if the step before succeeded") ?? false
    }

    var sentence: String { "put the incoming object of FLB \(flb)" + (onlyIfGot ? ", if it was got" : "") }

    var names: [ScenarioName] { [ScenarioName(.flb, flb)] }

    func perform(in run: inout ScenarioRun) throws {
        if onlyIfGot, run.lastResult != nil { return }
        try run.kernel.putIncoming(try run.flb(flb))
    }
}
