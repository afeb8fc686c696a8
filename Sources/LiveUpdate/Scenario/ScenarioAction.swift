import SystemPackage

/// What a step does.
struct ScenarioAction: Sendable {
    /// Properties of an action that other code depends on.
    enum Kind: Sendable {
        case plain
        /// It creates, or retrieves, the session of this name.
        case session(String)
        /// It creates sessions whose names begin so.
        case sessions(prefix: String)
        /// It gives a file this name.
        case file(String?)
        /// It writes to a memfd or reads it, which is not live update's.
        case memory
        /// It opens or closes `/dev/liveupdate`.
        case device
        /// It makes the next call of an operation fail.
        case fault(Faults.Place)
        case kexec(name: String?)
        case race(Race)
    }

    /// What is done, in words.
    let sentence: String
    let kind: Kind
    /// Does it.
    ///
    /// - Throws: `Errno`, what the kernel returned; or ``ScenarioProblem``, why the scenario makes no sense or
    ///   something else than expected came of it.
    let perform: @Sendable (inout ScenarioRun) throws -> Void

    init(_ sentence: String, _ kind: Kind = .plain, perform: @escaping @Sendable (inout ScenarioRun) throws -> Void) {
        self.sentence = sentence
        self.kind = kind
        self.perform = perform
    }

    var race: Race? { if case .race(let race) = kind { race } else { nil } }
    var fault: Faults.Place? { if case .fault(let place) = kind { place } else { nil } }
}

/// A kind of action, and how to read it.
struct ActionForm: Sendable {
    /// What `do` calls it.
    let verb: String
    /// Whether it is a call, which gives something and calls operations, and not several.
    let isCall: Bool
    /// Whether it can be on a side of a race.
    let canRace: Bool
    /// Asks a step for the members that say more.
    let read: @Sendable (inout StrictObject) throws -> ScenarioAction

    init(
        _ verb: String, isCall: Bool = true, canRace: Bool = true,
        read: @escaping @Sendable (inout StrictObject) throws -> ScenarioAction
    ) {
        self.verb = verb
        self.isCall = isCall
        self.canRace = canRace
        self.read = read
    }

    /// Everything that a step can do.
    static let all: [ActionForm] =
        registrations + [registerMany, fail, unload, load] + sessions + files + flbs + mutexes + kernels + [race]

    /// Everything that an operation can do.
    static let ofOperations = registrations + flbs + mutexes
}

/// The name by which a step refers to something defined in the scenario or created by another step.
struct ScenarioName {
    enum Kind: String {
        case handler, flb = "FLB", part = "handler or FLB", file, session

        /// What a member that names one is, in words.
        var about: String {
            switch self {
            case .flb: "the name of an FLB"
            case .part: "the name of an FLB or handler"
            case .handler, .file, .session: "the name of a \(rawValue)"
            }
        }
    }

    let kind: Kind
    let name: String
    /// The member that names it.
    let key: String
}

/// The reason why a step could not be performed, or did not do what it should; not a kernel error.
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
