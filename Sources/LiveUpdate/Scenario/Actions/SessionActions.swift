import Handover
import SystemPackage

extension ActionForm {
    static let sessions = [
        ActionForm("create") { object in
            let session = try object.string("session", ScenarioName.Kind.session.about)
            return ScenarioAction("create session \"\(session)\"", .session(session)) { run in
                run.outgoing[session] = try run.device().createSession(session)
            }
        },
        // To see a limit.
        ActionForm("create_many") { object in
            let prefix = try object.string("prefix", "the beginning of the sessions' names")
            let count = try object.number("count", "how many sessions")
            let sentence = "create \(count) sessions \(prefix)0, \(prefix)1, …"
            return ScenarioAction(sentence, .sessions(prefix: prefix)) { run in
                for index in 0..<count {
                    let name = "\(prefix)\(index)"
                    run.outgoing[name] = try run.device().createSession(name)
                }
            }
        },
        ActionForm("preserve") { object in
            let file = try object.name(.file)
            let session = try object.name(.session)
            let token = try token(&object)
            let sentence = "preserve file \(file) in session \"\(session)\", token \(token.prefixedHex)"
            return ScenarioAction(sentence) { run in
                try run.outgoingSession(session).preserve(try run.file(file), token: token)
            }
        },
        ActionForm("close") { object in
            let session = try object.name(.session)
            return ScenarioAction("close session \"\(session)\"") { run in
                if let incoming = run.incoming[session] {
                    try incoming.close()
                    run.incoming[session] = nil
                } else {
                    try run.outgoingSession(session).close()
                    run.outgoing[session] = nil
                }
            }
        },
        ActionForm("retrieve_session") { object in
            let session = try object.string("session", ScenarioName.Kind.session.about)
            return ScenarioAction("retrieve session \"\(session)\"", .session(session)) { run in
                run.incoming[session] = try run.device().retrieveSession(session)
            }
        },
        ActionForm("retrieve") { object in
            let session = try object.name(.session)
            let token = try token(&object)
            let name = try object.optionalString("as", "what steps call the file from now on")
            let sentence =
                "retrieve token \(token.prefixedHex) of session \"\(session)\""
                + (name.map { " as file \($0)" } ?? "")
            return ScenarioAction(sentence, .file(name)) { run in
                let file = try run.incomingSession(session).retrieve(token: token)
                if let name { run.name(file, name) }
            }
        },
        ActionForm("finish") { object in
            let session = try object.name(.session)
            return ScenarioAction("finish session \"\(session)\"") { run in
                try run.incomingSession(session).finish()
            }
        },
    ]

    private static func token(_ object: inout StrictObject) throws -> UInt64 {
        try object.number("token", "the file's token in the session")
    }
}
