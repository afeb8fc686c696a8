import Handover
import SystemPackage

/// Something that a step can do: which members say more of it, and how it is done.
struct ActionForm: Sendable {
    /// Properties of an action that other code depends on.
    enum Kind: Sendable {
        case plain
        /// It creates, or retrieves, a session.
        case session
        /// It creates sessions whose names begin alike.
        case sessions
        /// It gives a file a name.
        case file
        /// It writes to a memfd or reads it, which is not live update's.
        case memory
        /// It opens or closes `/dev/liveupdate`.
        case device
        /// It makes the next call of an operation fail.
        case fault
        case kexec
        /// It is not a call, which gives something and calls operations, but several.
        case race
    }

    let kind: Kind
    /// Whether it can be on a side of a race.
    let canRace: Bool
    let form: ObjectForm<ScenarioStep>
    /// What it names, all of which has to be there.
    let names: [@Sendable (ScenarioStep) -> ScenarioName]
    /// What is done, in words.
    let sentence: @Sendable (ScenarioStep) -> String
    /// Does it.
    ///
    /// - Throws: `Errno`, what the kernel returned; or ``ScenarioProblem``, why the scenario makes no sense or
    ///   something else than expected came of it.
    let perform: @Sendable (ScenarioStep, inout ScenarioRun) throws -> Void

    init(
        _ verb: String, _ members: [StepMember] = [], _ kind: Kind = .plain, canRace: Bool = true,
        complete: @escaping ObjectForm<ScenarioStep>.Completion = { _, _ in },
        sentence: @escaping @Sendable (ScenarioStep) -> String,
        perform: @escaping @Sendable (ScenarioStep, inout ScenarioRun) throws -> Void
    ) {
        self.kind = kind
        self.canRace = canRace
        form = ObjectForm(
            verb, "a step", compact: true, complete: complete,
            [.always("do", \.verb, WordCodec([verb]), required: true, "what is done")] + members.map(\.member)
                + [.ifKnown("note", \.note, "a remark")] + (kind == .race ? [] : ScenarioStep.callMembers)
                + ObjectForm.Member.ofState)
        names = members.compactMap(\.names)
        self.sentence = sentence
        self.perform = perform
    }

    /// What `do` calls it.
    var verb: String { form.name }

    /// Everything that a step can do.
    static let all: [ActionForm] =
        registrations + [registerMany, fail, unload, load] + sessions + files + flbs + mutexes + kernels + [race]

    /// Everything that an operation can do.
    static let ofOperations = registrations + flbs + mutexes

    static let byVerb = Dictionary(uniqueKeysWithValues: all.map { ($0.verb, $0) })
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
