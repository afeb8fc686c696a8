extension ScenarioRun {
    /// Takes down the object that a step got, and checks it against those that are expected.
    fileprivate mutating func got(_ object: LiveObject?, _ expected: Alternatives?) throws {
        let found = object.map { "\($0)" } ?? "none"
        lastObject = found
        guard let expected, !expected.names.contains(found) else { return }
        throw ScenarioProblem("the object is \"\(found)\", not \"\(expected.names.joined(separator: "\" or \""))\"")
    }
}

struct GetOutgoing: ScenarioAction {
    static let verb = "get_outgoing"
    let flb: String
    let object: Alternatives?

    init(_ object: inout StrictObject) throws {
        flb = try object.string("flb", "the name of an FLB")
        self.object = try object.optional("object", "the object that is expected, or several of which one is; or none")
    }

    var sentence: String { "get the outgoing object of FLB \(flb)" }

    var names: [ScenarioName] { [ScenarioName(.flb, flb)] }

    func perform(in run: inout ScenarioRun) throws {
        try run.got(try run.kernel.getOutgoing(try run.flb(flb)), object)
    }
}

struct PutOutgoing: ScenarioAction {
    static let verb = "put_outgoing"
    let flb: String
    /// Only if the step before got something.
    let onlyIfGot: Bool

    init(_ object: inout StrictObject) throws {
        flb = try object.string("flb", "the name of an FLB")
        onlyIfGot = try object.flag("if_got", "whether to do so only if the step before succeeded") ?? false
    }

    var sentence: String { "put the outgoing object of FLB \(flb)" + (onlyIfGot ? ", if it was got" : "") }

    var names: [ScenarioName] { [ScenarioName(.flb, flb)] }

    func perform(in run: inout ScenarioRun) throws {
        if onlyIfGot, run.lastResult != nil { return }
        try run.kernel.putOutgoing(try run.flb(flb))
    }
}

struct GetIncoming: ScenarioAction {
    static let verb = "get_incoming"
    let flb: String
    let object: Alternatives?

    init(_ object: inout StrictObject) throws {
        flb = try object.string("flb", "the name of an FLB")
        self.object = try object.optional("object", "the object that is expected, or several of which one is; or none")
    }

    var sentence: String { "get the incoming object of FLB \(flb)" }

    var names: [ScenarioName] { [ScenarioName(.flb, flb)] }

    func perform(in run: inout ScenarioRun) throws {
        try run.got(try run.kernel.getIncoming(try run.flb(flb)), object)
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
