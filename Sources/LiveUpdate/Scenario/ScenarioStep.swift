import Handover
import KernelABI
import SystemPackage

/// A step of a scenario: an action and its expectations.
public struct ScenarioStep: Hashable, Sendable {
    /// What is done. Of the members that say more of it, a step has those of its form.
    var verb = ""
    var handler = ""
    var flb = ""
    /// A handler or FLB.
    var part = ""
    var file = ""
    var session = ""
    var token: UInt64 = 0
    /// What steps call the file that is retrieved, or the image that is handed over.
    var name: String?
    var mutex = ""
    /// The beginning of the names of what is made in numbers.
    var prefix = ""
    var count: UInt64 = 0
    var operation = Event.Callback.Operation.preserve
    var error = Errno.ioError
    /// The objects of which one is expected; `nil` if that does not matter.
    var objects: [String]?
    var isOnlyIfGot = false
    var text = ""
    var offset: UInt64 = 0
    var size: UInt64?
    var position: UInt64?
    var release: String?
    /// The word for how the kernel comes up.
    var comesUp = BootOutcome.adopted.word
    /// The steps of each side of a race; none of all other steps.
    var sides: [[ScenarioStep]] = []
    /// The outcomes that are allowed, each of which comes about; `nil` if the steps' own expectations say it all.
    var outcomes: [RaceExpectation]?
    /// The one interleaving to play.
    var schedule: RaceSchedule?

    /// A remark for the reader of the trace.
    public internal(set) var note: String?
    /// The results that are allowed, in which `nil` stands for success; `nil` if the step does not say.
    var results: [Errno?]?
    /// The FLBs' operations that are called, as `name operation`, with `: ERROR` where one fails.
    var calls: [String]?
    /// The handlers' operations that are called.
    var fileCalls: [String]?
    var state = ExpectedState()

    package init() {}

    /// How it is done.
    var action: ActionForm {
        // Every step that is read is of one of them.
        ActionForm.byVerb[verb] ?? ActionForm(verb, sentence: { _ in "do nothing" }, perform: { _, _ in })
    }

    /// What is done, in words.
    public var sentence: String { action.sentence(self) }

    /// What the step and its outcomes name, all of which has to be there.
    var names: [ScenarioName] {
        action.names.map { $0(self) } + state.names + (outcomes ?? []).flatMap(\.state.names)
    }

    /// What the step makes fail.
    var fault: Faults.Place? { action.kind == .fault ? Faults.Place(name: part, operation: operation) : nil }
}

extension ScenarioStep: DocumentPart, DocumentValue, ExpectingState {
    package static var codec: StepCodec { StepCodec() }

    /// What is expected of a call.
    static let callMembers: [ObjectForm<Self>.Member] = [
        .ifKnown("gives", \.results, OneOrMoreCodec(Errno.resultCodec), "ok, or the name of an error"),
        .ifKnown("calls", \.calls, "names and operations of FLBs"),
        .ifKnown("file_calls", \.fileCalls, "names and operations of handlers"),
    ]
}

/// A step, of which `do` says what else it has.
package struct StepCodec: DocumentCodec {
    package func write(_ step: ScenarioStep, to writer: inout DocumentWriter) {
        step.action.form.write(step, to: &writer)
    }

    package func read(from reader: inout DocumentReader) throws(DocumentReadError) -> ScenarioStep {
        let verbs = WordCodec(ActionForm.all.map(\.verb), else: "cannot be done")
        let verb = try reader.lookAhead(for: "do", ("a step", "what is done")) { (reader) throws(DocumentReadError) in
            try verbs.read(from: &reader)
        }
        var step = ScenarioStep()
        step.verb = verb
        return try step.action.form.read(from: &reader)
    }

    package var schema: DocumentSchema { .object("step") { ActionForm.writeDefinitions(to: &$0, besides: &$1) } }
}

/// The expected state after a step.
struct ExpectedState: Hashable, Sendable {
    /// Counts of FLBs, of the direction in which they work.
    var outgoing: [String: Int64] = [:]
    var incoming: [String: Int64] = [:]
    /// References to the owners of handlers and FLBs.
    var owners: [String: Int64] = [:]
    /// What the kernel warns of in the step; `nil` if that does not matter.
    var warnings: [String]?
    /// How many blocks of memory are preserved for the next kernel.
    var preserved: UInt64?
    /// How many blocks that handlers and FLBs of the last kernel preserved nobody has taken over.
    var unclaimed: UInt64?

    /// What the expectations name.
    var names: [ScenarioName] {
        [("outgoing", outgoing), ("incoming", incoming)].flatMap { key, counts in
            counts.keys.sorted().map { ScenarioName(kind: .flb, name: $0, key: key) }
        } + owners.keys.sorted().map { ScenarioName(kind: .part, name: $0, key: "owners") }
    }
}

/// What says which state there is to be.
protocol ExpectingState: DocumentPart {
    var state: ExpectedState { get set }
}

extension ObjectForm.Member where Object: ExpectingState {
    static var ofState: [Self] {
        [
            counts("outgoing", \.state.outgoing, "counts of FLBs by name"),
            counts("incoming", \.state.incoming, "counts of FLBs by name"),
            counts("owners", \.state.owners, "references to owners by the name of a handler or FLB"),
            .ifKnown("warnings", \.state.warnings, "what the kernel warns of"),
            .ifKnown("preserved", \.state.preserved, "blocks of memory preserved for the next kernel"),
            .ifKnown("unclaimed", \.state.unclaimed, "blocks that came in, and nobody has taken over"),
        ]
    }

    private static func counts(
        _ key: String, _ path: WritableKeyPath<Object, [String: Int64]> & Sendable, _ summary: String
    ) -> Self {
        .always(key, path, DictionaryCodec(SignedNumberCodec(), summary), summary)
    }
}
