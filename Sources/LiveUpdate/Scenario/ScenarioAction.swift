import SystemPackage

/// Something that a step can do. Each is one type, listed in ``ScenarioActions``.
protocol ScenarioAction: Sendable {
    /// What `do` calls it.
    static var verb: String { get }
    /// Whether it is a call, which gives something and calls operations, and not several.
    static var isCall: Bool { get }
    init(_ object: inout StrictObject) throws
    /// The steps that it consists of, with the members that have them.
    var nested: [(path: String, steps: [ScenarioStep])] { get }
    /// What is done, in words.
    var sentence: String { get }
    /// What it names, all of which has to be there.
    var names: [ScenarioName] { get }
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
        LockMutex.self, UnlockMutex.self,
        OpenDevice.self, CloseDevice.self, Kexec.self, PowerOn.self, Race.self,
    ]
}

extension ScenarioAction {
    static var isCall: Bool { true }
    var names: [ScenarioName] { [] }
    var nested: [(path: String, steps: [ScenarioStep])] { [] }
}

/// What a step calls something that the scenario defines, or that another step makes.
struct ScenarioName {
    enum Kind: String {
        case handler, flb = "FLB", part = "handler or FLB", file, session
    }

    let kind: Kind
    let name: String
    /// The member that names it.
    let key: String

    init(_ kind: Kind, _ name: String, key: String? = nil) {
        self.kind = kind
        self.name = name
        self.key = key ?? (kind == .flb ? "flb" : kind.rawValue)
    }
}

/// Why a step cannot be done, or did not do what it should: not an error of the kernel.
struct ScenarioProblem: Error, CustomStringConvertible {
    let text: String
    /// What a kernel would say of it; `nil` if the call succeeds, and it is its result that is not as it should be.
    let errno: Errno?

    init(_ text: String, errno: Errno? = nil) {
        self.text = text
        self.errno = errno
    }

    var description: String { text }
}
