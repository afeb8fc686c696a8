import Handover
import KernelABI
import SystemPackage

/// One step of a scenario: what is done, and what is expected of it.
public struct ScenarioStep: Sendable {
    let action: any ScenarioAction
    /// A remark for the reader of the trace.
    public let note: String?
    /// The results that are allowed; `nil` stands for success.
    let results: [Errno?]
    /// The FLBs' operations that are called, as `name operation`, with `: ERROR` where one fails.
    let calls: [String]?
    /// The handlers' operations that are called.
    let fileCalls: [String]?
    /// Counts of FLBs after the step, of the direction in which it works.
    let outgoingCounts: [String: Int64]
    let incomingCounts: [String: Int64]
    /// References to the owners of handlers and FLBs after the step.
    let ownerCounts: [String: Int64]
    /// What the kernel warns of in the step; `nil` if that does not matter.
    let warnings: [String]?

    /// What the expected counts name.
    var countedFLBs: [ScenarioName] {
        [("outgoing", outgoingCounts), ("incoming", incomingCounts)].flatMap { key, counts in
            counts.keys.sorted().map { ScenarioName(.flb, $0, key: key) }
        } + ownerCounts.keys.sorted().map { ScenarioName(.part, $0, key: "owners") }
    }

    /// What is done, in words.
    public var sentence: String { action.sentence }

    static func unknownKernel(_ name: String) -> String {
        let known = Generation.allReleases.joined(separator: ", ")
        return "no kernel \"\(name)\" is known here; known are \(known)"
    }
}

extension ScenarioStep: Decodable {
    public init(from decoder: any Decoder) throws {
        var object = try StrictObject(decoder, "a step")
        let verb = try object.string("do", "what is done")
        guard let form = ScenarioActions.all.first(where: { $0.verb == verb }) else {
            let known = ScenarioActions.all.map { $0.verb }.joined(separator: ", ")
            throw object.error(at: "do", "\"\(verb)\" cannot be done; what can is \(known)")
        }
        try self.init(form, &object)
        try object.end()
    }

    /// A step that does what `form` does.
    init(_ form: any ScenarioAction.Type, _ object: inout StrictObject) throws {
        action = try form.init(&object)
        note = try object.optionalString("note", "a remark")
        results = try Self.results(&object)
        calls = try object.optional("calls", "names and operations of FLBs")
        fileCalls = try object.optional("file_calls", "names and operations of handlers")
        outgoingCounts = try object.optional("outgoing", "counts of FLBs by name") ?? [:]
        incomingCounts = try object.optional("incoming", "counts of FLBs by name") ?? [:]
        ownerCounts = try object.optional("owners", "references to owners by the name of a handler or FLB") ?? [:]
        warnings = try object.optional("warnings", "what the kernel warns of")
    }

    /// `"gives"`: a result, or several that are allowed; success unless it says otherwise.
    private static func results(_ object: inout StrictObject) throws -> [Errno?] {
        guard let given = try object.optional("gives", "ok, or the name of an error", as: ResultNames.self) else {
            return [nil]
        }
        var results: [Errno?] = []
        for name in given.names {
            if name == ScenarioReport.ok {
                results.append(nil)
            } else if let errno = Errno(kernelName: name) {
                results.append(errno)
            } else {
                throw object.error(at: "gives", StrictObject.unknownErrno(name))
            }
        }
        return results
    }
}

/// One name or several.
struct ResultNames: Decodable {
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
