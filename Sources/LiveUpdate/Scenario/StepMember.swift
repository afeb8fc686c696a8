import Handover
import KernelABI
import SystemPackage

/// A member of a step, in addition to `do`.
struct StepMember: Sendable {
    let member: ObjectForm<ScenarioStep>.Member
    /// The name it refers to, which must be defined.
    private(set) var names: (@Sendable (ScenarioStep) -> ScenarioName)?

    private init(_ member: ObjectForm<ScenarioStep>.Member) {
        self.member = member
    }

    private static func naming(
        _ kind: ScenarioName.Kind, _ key: String, _ path: WritableKeyPath<ScenarioStep, String> & Sendable
    ) -> StepMember {
        var result = StepMember(.always(key, path, required: true, kind.about))
        result.names = { ScenarioName(kind: kind, name: $0[keyPath: path], key: key) }
        return result
    }

    private static func string(
        _ key: String, _ path: WritableKeyPath<ScenarioStep, String> & Sendable, _ summary: String
    ) -> StepMember {
        StepMember(.always(key, path, required: true, summary))
    }

    static let handler = naming(.handler, "handler", \.handler)
    static let flb = naming(.flb, "flb", \.flb)
    static let part = naming(.part, "of", \.part)
    static let owned = naming(.part, "owner_of", \.part)
    static let file = naming(.file, "file", \.file)
    static let session = naming(.session, "session", \.session)
    /// The session that the step creates.
    static let newSession = string("session", \.session, ScenarioName.Kind.session.about)
    static let token = StepMember(.always("token", \.token, required: true, "the file's token in the session"))
    static let newName = StepMember(.ifKnown("as", \.name, "what steps call the file from now on"))
    static let imageName = StepMember(.ifKnown("name", \.name, "what the image handed over is called"))
    static let mutex = string("mutex", \.mutex, "the name of a driver's mutex")

    static func many(_ what: String) -> [StepMember] {
        [
            string("prefix", \.prefix, "the beginning of the \(what)s' names"),
            StepMember(.always("count", \.count, required: true, "how many \(what)s")),
        ]
    }

    static let operation = StepMember(
        .always(
            "operation", \.operation,
            ChoiceCodec(Event.Callback.Operation.fallible, else: "is not an operation that can fail"), required: true,
            "an operation that can fail"))
    static let error = StepMember(.always("with", \.error, Errno.codec, required: true, "the error that it returns"))
    static let objects = StepMember(
        .ifKnown(
            "object", \.objects, OneOrMoreCodec(StringCodec()),
            "the object that is expected, or several of which one is; or none"))
    static let onlyIfGot = StepMember(
        .always("if_got", \.isOnlyIfGot, "whether to do so only if the step before succeeded"))

    static func text(_ summary: String) -> StepMember { string("text", \.text, summary) }
    static let offset = StepMember(.always("at", \.offset, "the offset in bytes"))
    static let size = StepMember(.ifKnown("size", \.size, "the size that the file is to have, in bytes"))
    static let position = StepMember(.ifKnown("pos", \.position, "the position that the file is to have, in bytes"))

    static func release(_ key: String, _ summary: String) -> StepMember {
        StepMember(.ifKnown(key, \.release, KernelConfiguration.releaseCodec, summary))
    }
    static let outcome = StepMember(
        .always(
            "comes_up", \.comesUp, WordCodec(BootOutcome.words, else: "is not how a kernel comes up"),
            "how a kernel comes up"))

    static let sides = StepMember(.always("sides", \.sides, required: true, "for each side its steps; two to eight"))
    static let outcomes = StepMember(.ifKnown("outcomes", \.outcomes, "the outcomes that come about"))
    static let schedule = StepMember(
        .ifKnown("schedule", \.schedule, RaceSchedule.codec, "which side goes on how often, to play just that"))
}

extension KernelConfiguration {
    /// A known release.
    static let releaseCodec = StringCodec().mapped(
        from: { $0 }, problem: unknown, to: { Generation(release: $0) == nil ? nil : $0 })
}

extension RaceSchedule {
    static let codec = StringCodec().mapped(
        from: \.text, problem: { "\(ImageText($0)) is no schedule; \"3A 2B A\" is one" }, to: { RaceSchedule($0) })
}

extension Errno {
    /// An error, by its name in the kernel.
    static let codec = StringCodec().mapped(
        .reference("error"), from: \.kernelName,
        problem: { $0 == ScenarioReport.ok ? "\($0) is no error" : unknown($0) }, to: { Errno(kernelName: $0) })

    /// The result of a call: an error by its name in the kernel, or `ok` for `nil`.
    static let resultCodec = StringCodec().mapped(
        .reference("result"), from: { (result: Errno?) in result?.kernelName ?? ScenarioReport.ok },
        problem: { unknown($0, ", or ok") },
        to: { $0 == ScenarioReport.ok ? .some(nil) : Errno(kernelName: $0).map { .some($0) } })

    /// The message that no error has this name.
    ///
    /// - Parameter others: Other words that are allowed.
    static func unknown(_ name: String, _ others: String = "") -> String {
        let nearest =
            Spelling.nearest(to: name.uppercased(), among: kernelNames)
            ?? Spelling.nearest(to: name, among: kernelNames)
        return "unknown errno '\(name)'; "
            + (nearest.map { "did you mean \($0)?" } ?? "known are those of Linux, crash, and deadlock\(others)")
    }
}
