import SystemPackage

/// Something that a step can do. Each is one type, listed in ``ScenarioActions``.
protocol ScenarioAction: Sendable {
    /// What `do` calls it.
    static var verb: String { get }
    init(_ object: inout StrictObject) throws
    /// What is done, in words.
    var sentence: String { get }
    /// Does it.
    ///
    /// - Throws: `Errno`, what the kernel returned; or ``ScenarioProblem``, why the scenario makes no sense or
    ///   something else than expected came of it.
    func perform(in run: inout ScenarioRun) throws
}

/// Everything that a step can do.
enum ScenarioActions {
    static let all: [any ScenarioAction.Type] = [
        RegisterHandler.self, UnregisterHandler.self, RegisterFLB.self, UnregisterFLB.self, RegisterMany.self,
        Fail.self, Unload.self, Load.self,
        Create.self, CreateMany.self, Preserve.self, Close.self, RetrieveSession.self, Retrieve.self, Finish.self,
        Write.self, Read.self,
        GetOutgoing.self, PutOutgoing.self, GetIncoming.self, PutIncoming.self,
        Kexec.self, PowerOn.self,
    ]
}

/// Why a step cannot be done, or did not do what it should: not an error of the kernel.
struct ScenarioProblem: Error {
    let text: String

    init(_ text: String) {
        self.text = text
    }
}
