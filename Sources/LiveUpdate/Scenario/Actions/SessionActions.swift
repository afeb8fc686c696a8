import Handover

extension ActionForm {
    static let sessions = [
        ActionForm("create", [.newSession], .session) {
            "create session \"\($0.session)\""
        } perform: { step, run in
            run.outgoing[step.session] = try run.device().createSession(step.session)
        },
        // To reach a limit.
        ActionForm("create_many", StepMember.many("session"), .sessions) {
            "create \($0.count) sessions \($0.prefix)0, \($0.prefix)1, …"
        } perform: { step, run in
            for index in 0..<step.count {
                let name = "\(step.prefix)\(index)"
                run.outgoing[name] = try run.device().createSession(name)
            }
        },
        ActionForm("preserve", [.file, .session, .token]) {
            "preserve file \($0.file) in session \"\($0.session)\", token \($0.token.prefixedHex)"
        } perform: { step, run in
            try run.outgoingSession(step.session).preserve(try run.file(step.file), token: step.token)
        },
        ActionForm("close", [.session]) {
            "close session \"\($0.session)\""
        } perform: { step, run in
            if let incoming = run.incoming[step.session] {
                try incoming.close()
                run.incoming[step.session] = nil
            } else {
                try run.outgoingSession(step.session).close()
                run.outgoing[step.session] = nil
            }
        },
        ActionForm("retrieve_session", [.newSession], .session) {
            "retrieve session \"\($0.session)\""
        } perform: { step, run in
            run.incoming[step.session] = try run.device().retrieveSession(step.session)
        },
        ActionForm("retrieve", [.session, .token, .newName], .file) {
            "retrieve token \($0.token.prefixedHex) of session \"\($0.session)\""
                + ($0.name.map { " as file \($0)" } ?? "")
        } perform: { step, run in
            let file = try run.incomingSession(step.session).retrieve(token: step.token)
            if let name = step.name { run.name(file, name) }
        },
        ActionForm("finish", [.session]) {
            "finish session \"\($0.session)\""
        } perform: { step, run in
            try run.incomingSession(step.session).finish()
        },
    ]
}
