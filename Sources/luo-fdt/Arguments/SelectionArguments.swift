import ArgumentParser
import Handover
import KernelABI

/// The requested parts of a handover.
struct SelectionArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp("Show only this session.", valueName: "name"), completion: .custom(SessionCompletion.names))
    var session: String?

    @Option(help: ArgumentHelp("Show only files with this token.", valueName: "number"))
    var token: Token?

    @Option(help: ArgumentHelp("Show only this FLB.", valueName: "name"))
    var flb: String?

    var selection: Selection { Selection(session: session, token: token, flb: flb) }
}

/// A selection of the sessions, files and FLBs of a handover.
struct Selection: Sendable {
    var session: String?
    var token: Token?
    var flb: String?

    var isEverything: Bool { session == nil && token == nil && flb == nil }

    /// Keeps the requested parts and the findings about them.
    ///
    /// - Returns: A description of requested parts that do not exist; `nil` if all do.
    func apply(to reading: inout Reading) -> String? {
        guard !isEverything else { return nil }
        let luo = reading.state.luo ?? LUOState()
        var kept = LUOState()
        if session != nil || token != nil {
            let all = luo.sessions ?? []
            let name = session.map { KernelString($0) }
            var sessions = all.filter { name == nil || $0.name == name }
            if let session, sessions.isEmpty {
                return "no session \"\(session)\"; there are \(Self.list(all.map { $0.name.bare }))"
            }
            if let token {
                let tokens = sessions.flatMap { ($0.files ?? []).map { Token(value: $0.token).description } }
                sessions = sessions.compactMap { Self.session($0, of: token) }
                if sessions.isEmpty { return "no token \(token); there are \(Self.list(tokens))" }
            }
            kept.sessions = sessions
        }
        if let flb {
            let all = luo.flbs ?? []
            kept.flbs = all.filter { $0.name == KernelString(flb) }
            if kept.flbs?.isEmpty ?? true {
                return "no FLB \"\(flb)\"; there are \(Self.list(all.map { $0.name.bare }))"
            }
        }
        var state = HandoverState()
        state.kernel = reading.state.kernel
        state.pageSize = reading.state.pageSize
        state.machine = reading.state.machine
        state.luo = kept
        reading.state = state
        reading.findings.removeAll { !concerns($0.owner) }
        return nil
    }

    /// The session with only its files with this token; `nil` if it has none.
    private static func session(_ session: SessionState, of token: Token) -> SessionState? {
        var session = session
        session.files?.removeAll { $0.token != token.value }
        // The record's count includes all of its files.
        session.count = nil
        session.blocks = nil
        return session.files?.isEmpty ?? true ? nil : session
    }

    private func concerns(_ owner: Owner) -> Bool {
        switch owner {
        case .session(let name, _): session.map { KernelString($0) == name } ?? (token != nil)
        case .file(let name, let number):
            session.map { KernelString($0) == name } ?? (token != nil) && token.map { $0.value == number } ?? true
        case .flb(let name): flb.map { KernelString($0) == name } ?? false
        default: false
        }
    }

    /// Lists names for a message; if there are many, only the first ones.
    static func list(_ names: [String]) -> String {
        names.isEmpty ? "none" : names.prefix(20).joined(separator: ", ") + (names.count > 20 ? ", …" : "")
    }
}
