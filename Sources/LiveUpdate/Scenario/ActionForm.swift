import Handover
import SystemPackage

/// An action that a step can perform: its members, and how it is performed.
struct ActionForm: Sendable {
    /// Properties of an action that other code depends on.
    enum Kind: Sendable {
        case plain
        /// Creates or retrieves a session.
        case session
        /// Creates sessions with a common name prefix.
        case sessions
        /// Names a file.
        case file
        /// Writes to or reads a memfd, without involving live update.
        case memory
        /// Opens or closes `/dev/liveupdate`.
        case device
        /// Makes the next call of an operation fail.
        case fault
        case kexec
        /// Consists of several calls, and therefore has no result or calls of its own.
        case race
    }

    let kind: Kind
    /// Whether it may be on a side of a race.
    let canRace: Bool
    let form: ObjectForm<ScenarioStep>
    /// The names it refers to, all of which must be defined.
    let names: [@Sendable (ScenarioStep) -> ScenarioName]
    /// Describes the action.
    let sentence: @Sendable (ScenarioStep) -> String
    /// Performs the action.
    ///
    /// - Throws: `Errno`, the error that the kernel returned; ``ScenarioProblem`` if the scenario is inconsistent or
    ///   the action has an unexpected effect.
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

    /// The value of `do`.
    var verb: String { form.name }

    /// All actions of steps.
    static let all: [ActionForm] =
        registrations + [registerMany, fail, unload, load] + sessions + files + flbs + mutexes + kernels + [race]

    /// All actions of operations.
    static let ofOperations = registrations + flbs + mutexes

    static let byVerb = Dictionary(uniqueKeysWithValues: all.map { ($0.verb, $0) })
}

/// The name by which a step refers to something defined in the scenario or created by another step.
struct ScenarioName {
    enum Kind: String {
        case handler, flb = "FLB", part = "handler or FLB", file, session

        /// Describes a member that contains such a name.
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
    /// The member that contains the name.
    let key: String
}

/// The reason why a step could not be performed, or did not do what it should; not a kernel error.
struct ScenarioProblem: Error, CustomStringConvertible {
    let text: String
    /// The error that a kernel would return; `nil` if the call succeeds with a wrong result.
    let errno: Errno?

    init(_ text: String, errno: Errno? = nil) {
        self.text = text
        self.errno = errno
    }

    var description: String { text }
}
