import SystemPackage

struct Create: ScenarioAction {
    static let verb = "create"
    let session: String

    init(_ object: inout StrictObject) throws {
        session = try object.string("session", "the name of a session")
    }

    var sentence: String { "create session \"\(session)\"" }

    func perform(in run: inout ScenarioRun) throws {
        run.outgoing[session] = try run.device().createSession(session)
    }
}

/// Creates sessions: to see a limit.
struct CreateMany: ScenarioAction {
    static let verb = "create_many"
    let prefix: String
    let count: UInt64

    init(_ object: inout StrictObject) throws {
        prefix = try object.string("prefix", "the beginning of the sessions' names")
        count = try object.number("count", "how many sessions")
    }

    var sentence: String { "create \(count) sessions \(prefix)0, \(prefix)1, …" }

    func perform(in run: inout ScenarioRun) throws {
        for index in 0..<count {
            let name = "\(prefix)\(index)"
            run.outgoing[name] = try run.device().createSession(name)
        }
    }
}

struct Preserve: ScenarioAction {
    static let verb = "preserve"
    let file: String
    let session: String
    let token: UInt64

    init(_ object: inout StrictObject) throws {
        file = try object.string("file", "the name of a file")
        session = try object.string("session", "the name of a session")
        token = try object.number("token", "the file's token in the session")
    }

    var sentence: String { "preserve file \(file) in session \"\(session)\", token 0x\(String(token, radix: 16))" }

    var names: [ScenarioName] { [ScenarioName(.file, file), ScenarioName(.session, session)] }

    func perform(in run: inout ScenarioRun) throws {
        try run.outgoingSession(session).preserve(try run.file(file), token: token)
    }
}

struct Close: ScenarioAction {
    static let verb = "close"
    let session: String

    init(_ object: inout StrictObject) throws {
        session = try object.string("session", "the name of a session")
    }

    var sentence: String { "close session \"\(session)\"" }

    var names: [ScenarioName] { [ScenarioName(.session, session)] }

    func perform(in run: inout ScenarioRun) throws {
        if let incoming = run.incoming[session] {
            try incoming.close()
            run.incoming[session] = nil
        } else {
            try run.outgoingSession(session).close()
            run.outgoing[session] = nil
        }
    }
}

struct RetrieveSession: ScenarioAction {
    static let verb = "retrieve_session"
    let session: String

    init(_ object: inout StrictObject) throws {
        session = try object.string("session", "the name of a session")
    }

    var sentence: String { "retrieve session \"\(session)\"" }

    func perform(in run: inout ScenarioRun) throws {
        run.incoming[session] = try run.device().retrieveSession(session)
    }
}

struct Retrieve: ScenarioAction {
    static let verb = "retrieve"
    let session: String
    let token: UInt64
    let name: String?

    init(_ object: inout StrictObject) throws {
        session = try object.string("session", "the name of a session")
        token = try object.number("token", "the file's token in the session")
        name = try object.optionalString("as", "what steps call the file from now on")
    }

    var sentence: String {
        "retrieve token 0x\(String(token, radix: 16)) of session \"\(session)\"" + (name.map { " as file \($0)" } ?? "")
    }

    var names: [ScenarioName] { [ScenarioName(.session, session)] }

    func perform(in run: inout ScenarioRun) throws {
        let file = try run.incomingSession(session).retrieve(token: token)
        if let name { run.name(file, name) }
    }
}

struct Finish: ScenarioAction {
    static let verb = "finish"
    let session: String

    init(_ object: inout StrictObject) throws {
        session = try object.string("session", "the name of a session")
    }

    var sentence: String { "finish session \"\(session)\"" }

    var names: [ScenarioName] { [ScenarioName(.session, session)] }

    func perform(in run: inout ScenarioRun) throws {
        try run.incomingSession(session).finish()
    }
}
