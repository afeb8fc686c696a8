import Handover
import KernelABI
import SystemPackage

/// A step of a scenario: an action and its expectations.
public struct ScenarioStep: Sendable {
    let form: ActionForm
    let action: ScenarioAction
    /// What the action names, all of which has to be there.
    let names: [ScenarioName]
    /// A remark for the reader of the trace.
    public let note: String?
    /// The results that are allowed, in which `nil` stands for success; `nil` if the step does not say.
    let results: [Errno?]?
    /// The FLBs' operations that are called, as `name operation`, with `: ERROR` where one fails.
    let calls: [String]?
    /// The handlers' operations that are called.
    let fileCalls: [String]?
    let state: ExpectedState

    /// What is done, in words.
    public var sentence: String { action.sentence }
}

extension ScenarioStep: Decodable {
    public init(from decoder: any Decoder) throws {
        var object = try StrictObject(decoder, "a step", keys: nil)
        let verb = try object.string("do", "what is done")
        guard let form = ActionForm.all.first(where: { $0.verb == verb }) else {
            let known = ActionForm.all.map(\.verb)
            let hint = Spelling.suggestion(for: verb, among: known) ?? "what can is \(known.joined(separator: ", "))"
            throw object.error(at: "do", "\"\(verb)\" cannot be done; \(hint)")
        }
        object = try StrictObject(decoder, "a step", keys: ["do"] + Self.members(of: form).map(\.name))
        try self.init(form, &object)
    }

    /// The members of a step that does what `form` does, but for `do`.
    static func members(of form: ActionForm) -> [ScenarioSchema.Member] {
        StrictObject.members { _ = try ScenarioStep(form, &$0) }
    }

    /// A step that does what `form` does.
    init(_ form: ActionForm, _ object: inout StrictObject) throws {
        self.form = form
        action = try form.read(&object)
        names = object.names
        note = try object.optionalString("note", "a remark")
        if form.isCall {
            let names = try object.optional("gives", "ok, or the name of an error", as: ResultNames.self)
            results = try names.map { try Self.results($0, object) }
            calls = try object.optional("calls", "names and operations of FLBs")
            fileCalls = try object.optional("file_calls", "names and operations of handlers")
        } else {
            (results, calls, fileCalls) = (nil, nil, nil)
        }
        state = try ExpectedState(&object)
    }

    /// Results by their names.
    static func results(_ given: ResultNames, _ object: StrictObject) throws -> [Errno?] {
        if given.names.isEmpty {
            try object.note(at: "gives", "none of no results is right; leave it out, or say ok")
        }
        return try given.names.map { name in
            if name == ScenarioReport.ok { return nil }
            if let errno = Errno(kernelName: name) { return errno }
            try object.note(at: "gives", StrictObject.unknownErrno(name))
            return nil
        }
    }
}

/// The expected state after a step.
struct ExpectedState: Sendable {
    /// Counts of FLBs, of the direction in which they work.
    let outgoing: [String: Int64]
    let incoming: [String: Int64]
    /// References to the owners of handlers and FLBs.
    let owners: [String: Int64]
    /// What the kernel warns of in the step; `nil` if that does not matter.
    let warnings: [String]?
    /// How many blocks of memory are preserved for the next kernel.
    let preserved: UInt64?
    /// How many blocks that handlers and FLBs of the last kernel preserved nobody has taken over.
    let unclaimed: UInt64?

    init(_ object: inout StrictObject) throws {
        outgoing = try object.optional("outgoing", "counts of FLBs by name") ?? [:]
        incoming = try object.optional("incoming", "counts of FLBs by name") ?? [:]
        owners = try object.optional("owners", "references to owners by the name of a handler or FLB") ?? [:]
        warnings = try object.optional("warnings", "what the kernel warns of")
        preserved = try object.optionalNumber("preserved", "blocks of memory preserved for the next kernel")
        unclaimed = try object.optionalNumber("unclaimed", "blocks that came in, and nobody has taken over")
    }

    var isEmpty: Bool {
        outgoing.isEmpty && incoming.isEmpty && owners.isEmpty && warnings == nil && preserved == nil
            && unclaimed == nil
    }

    /// What the expectations name.
    var names: [ScenarioName] {
        [("outgoing", outgoing), ("incoming", incoming)].flatMap { key, counts in
            counts.keys.sorted().map { ScenarioName(kind: .flb, name: $0, key: key) }
        } + owners.keys.sorted().map { ScenarioName(kind: .part, name: $0, key: "owners") }
    }
}

/// The names of one or more results.
struct ResultNames: Decodable, Sendable {
    let names: [String]

    init(from decoder: any Decoder) throws {
        names = try Alternatives(from: decoder).names
    }
}

/// One name or several.
struct Alternatives: Decodable, Sendable {
    let names: [String]

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let name = try? container.decode(String.self) {
            names = [name]
        } else {
            names = try container.decode([String].self)
        }
    }
}
