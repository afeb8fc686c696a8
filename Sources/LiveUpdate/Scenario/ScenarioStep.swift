import Handover
import KernelABI
import SystemPackage

/// A step of a scenario: an action and its expectations.
public struct ScenarioStep: Hashable, Sendable {
    /// The action. Its form determines which of the other members a step has.
    var verb = ""
    var handler = ""
    var flb = ""
    /// A handler or FLB.
    var part = ""
    var file = ""
    var session = ""
    var token: UInt64 = 0
    /// The name to give to the retrieved file or the image that is handed over.
    var name: String?
    var mutex = ""
    /// The name prefix of the objects that the step creates.
    var prefix = ""
    var count: UInt64 = 0
    var operation = Event.Callback.Operation.preserve
    var error = Errno.ioError
    /// The objects, one of which is expected; `nil` to allow any.
    var objects: [String]?
    var isOnlyIfGot = false
    var text = ""
    var offset: UInt64 = 0
    var size: UInt64?
    var position: UInt64?
    var release: String?
    /// The word for the expected outcome of booting.
    var comesUp = BootOutcome.adopted.word
    /// The steps of each side of a race; empty for any other step.
    var sides: [[ScenarioStep]] = []
    /// The allowed outcomes, each of which must occur; `nil` if only the steps' own expectations apply.
    var outcomes: [RaceExpectation]?
    /// The one interleaving to play.
    var schedule: RaceSchedule?

    /// A remark for the reader of the trace.
    public internal(set) var note: String?
    /// The allowed results, where `nil` is success; `nil` if the step does not state them.
    var results: [Errno?]?
    /// The FLBs' operations that are called, as `name operation`, followed by `: ERROR` if the operation fails.
    var calls: [String]?
    /// The handlers' operations that are called.
    var fileCalls: [String]?
    var state = ExpectedState()

    package init() {}

    /// The action to perform.
    var action: ActionForm {
        // Reading a step guarantees that its action is known.
        ActionForm.byVerb[verb] ?? ActionForm(verb, sentence: { _ in "do nothing" }, perform: { _, _ in })
    }

    /// Describes what is done.
    public var sentence: String { action.sentence(self) }

    /// The names that the step and its outcomes refer to, all of which must be defined.
    var names: [ScenarioName] {
        action.names.map { $0(self) } + state.names + (outcomes ?? []).flatMap(\.state.names)
    }

    /// The operation that the step makes fail.
    var fault: Faults.Place? { action.kind == .fault ? Faults.Place(name: part, operation: operation) : nil }
}

extension ScenarioStep: DocumentPart, DocumentValue, ExpectingState {
    package static var codec: StepCodec { StepCodec() }

    /// The members that state what is expected of a call.
    static let callMembers: [ObjectForm<Self>.Member] = [
        .ifKnown("gives", \.results, OneOrMoreCodec(Errno.resultCodec), "ok, or the name of an error"),
        .ifKnown("calls", \.calls, "names and operations of FLBs"),
        .ifKnown("file_calls", \.fileCalls, "names and operations of handlers"),
    ]
}

/// A step, whose other members depend on `do`.
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
    /// Counts of FLBs, by direction.
    var outgoing: [String: Int64] = [:]
    var incoming: [String: Int64] = [:]
    /// References to the owners of handlers and FLBs.
    var owners: [String: Int64] = [:]
    /// The kernel's warnings during the step; `nil` to allow any.
    var warnings: [String]?
    /// The number of blocks of memory preserved for the next kernel.
    var preserved: UInt64?
    /// The number of blocks that the previous kernel's handlers and FLBs preserved and nobody has restored.
    var unclaimed: UInt64?

    /// The names that the expectations refer to.
    var names: [ScenarioName] {
        [("outgoing", outgoing), ("incoming", incoming)].flatMap { key, counts in
            counts.keys.sorted().map { ScenarioName(kind: .flb, name: $0, key: key) }
        } + owners.keys.sorted().map { ScenarioName(kind: .part, name: $0, key: "owners") }
    }
}

/// A part of a document that states the expected state.
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
