import Handover
import KernelABI
import SystemPackage

/// A sequence of kernels that hand over to each other: definitions, and steps with expectations.
///
/// Scenarios are JSON documents, and tests: the run fails if any step does not have the expected result.
public struct Scenario: Hashable, Sendable {
    public var title = ""
    /// What the scenario teaches.
    public var about: String?
    /// The release of the first kernel.
    public var kernel = ""
    /// Whether all kernels have the release of the first one, whatever the steps state.
    public var isOfOneKernel = false
    /// The maximum number of interleavings to play for a race.
    public var interleavingLimit = 10_000
    /// The page size of all kernels; `nil` for the default.
    public var pageSize: PageSize?
    /// Whether live update is on.
    public var isLiveUpdateEnabled = true
    /// Whether FLBs are finished according to the kernel's documentation, rather than as kernels do it.
    public var isAsDocumented = false
    public var handlers: [HandlerDefinition] = []
    public var flbs: [FLBDefinition] = []
    public var files: [FileDefinition] = []
    /// The steps that every kernel performs after booting.
    public var boot: [ScenarioStep] = []
    public var steps: [ScenarioStep] = []

    package init() {}

    /// Reads the scenario in the file at `path`; `-` is standard input.
    ///
    /// - Throws: `DocumentReadError` for the file, invalid JSON, or invalid contents; lists the problems with their
    ///   places.
    public static func read(_ path: FilePath) throws(DocumentReadError) -> Scenario {
        try DocumentReader.read(Scenario.self, at: path)
    }

    /// Reads a scenario in memory, as JSON in UTF-8.
    ///
    /// - Throws: `DocumentReadError` for invalid JSON or contents; lists the problems with their places.
    public static func read(_ text: [UInt8]) throws(DocumentReadError) -> Scenario {
        try DocumentReader.read(Scenario.self, from: text)
    }
}

extension Scenario: DocumentObject {
    package static let form = ObjectForm<Scenario>(
        "scenario", "a scenario", complete: { scenario, reader in scenario.check(&reader) },
        [
            .always("title", \.title, required: true, "what the scenario is called"),
            .ifKnown("about", \.about, "what the scenario teaches"),
            .always(
                "kernel", \.kernel, KernelConfiguration.releaseCodec, required: true,
                "the release of the first kernel"),
            .ifKnown("page_size", \.pageSize, PageSize.codec, "the page size in bytes"),
            .always("liveupdate", \.isLiveUpdateEnabled, "whether live update is on"),
            .always("as_documented", \.isAsDocumented, "whether FLBs are finished as documented"),
            .always("handlers", \.handlers, "file handlers"),
            .always("flbs", \.flbs, "FLBs"),
            .always("files", \.files, "files"),
            .always("boot", \.boot, "what every kernel does when it has come up"),
            .always("steps", \.steps, "what happens"),
        ])

    /// Reports names that are not unique or not defined.
    private func check(_ reader: inout DocumentReader) {
        for (names, key) in [
            (handlerNames, "handlers"), (flbs.map(\.name), "flbs"), (files.map(\.name), "files"),
        ] {
            var seen: Set<String> = []
            for name in names where !seen.insert(name).inserted {
                reader.note(at: ".\(key)", "there are two of the name \"\(name)\"")
            }
        }
        checkParts(&reader)
        checkNames(&reader)
    }

    /// Reports handlers that other handlers and files refer to, and that are not defined.
    private func checkParts(_ reader: inout DocumentReader) {
        let names = handlers.map(\.name)
        for (index, handler) in handlers.enumerated() {
            for name in handler.takes where !names.contains(name) {
                let isKernels = KernelHandler.named(name) != nil
                let problem =
                    isKernels ? "files of \(name) are taken by \(name) alone" : Self.unknown("handler", name, names)
                reader.note(at: ".handlers[\(index)].takes", problem)
            }
        }
        for (index, file) in files.enumerated() {
            guard let name = file.handler, !handlerNames.contains(name) else { continue }
            reader.note(at: ".files[\(index)].handler", Self.unknown("handler", name, handlerNames))
        }
    }

    /// The message that a name is not defined.
    private static func unknown(_ kind: String, _ name: String, _ known: [String]) -> String {
        // Any name is near one that is this short.
        let suggestion = name.utf8.count > 2 ? Spelling.suggestion(for: name, among: known) : nil
        let list = known.isEmpty ? "there is none" : "there are \(known.joined(separator: ", "))"
        return "no \(kind) is called \"\(name)\"; \(suggestion ?? list)"
    }

    /// The names of all handlers: the scenario's, and those built into kernels.
    var handlerNames: [String] { handlers.map(\.name) + KernelHandler.all.map(\.name) }

    /// Whether a handler or FLB is not in a module. The kernels' own handlers are built in, but a test can remove them.
    func isBuiltIn(_ name: String) -> Bool {
        handlers.contains { $0.name == name && $0.isBuiltIn } || flbs.contains { $0.name == name && $0.isBuiltIn }
    }

    /// All steps with their places, including those of races and operations.
    private var allSteps: [(path: String, step: ScenarioStep)] {
        func flat(_ path: String, _ steps: [ScenarioStep]) -> [(path: String, step: ScenarioStep)] {
            steps.enumerated().flatMap { index, step in
                let place = "\(path)[\(index)]"
                return [(place, step)] + step.sides.enumerated().flatMap { flat("\(place).sides[\($0)]", $1) }
            }
        }
        let operations = [("handlers", handlers.map(\.does)), ("flbs", flbs.map(\.does))].flatMap { key, parts in
            parts.enumerated().flatMap { index, part in
                part.all.flatMap { flat(".\(key)[\(index)].does.\($0.operation)", $0.steps) }
            }
        }
        return flat(".boot", boot) + flat(".steps", steps) + operations
    }

    /// Whether operations make calls.
    var hasCallingOperations: Bool { (handlers.map(\.does) + flbs.map(\.does)).contains { !$0.all.isEmpty } }

    /// Whether a step makes `can_finish` of a handler fail.
    func failsCanFinish(of name: String) -> Bool {
        (boot + steps).contains { $0.fault == Faults.Place(name: name, operation: .canFinish) }
    }

    /// The operations of a handler or FLB that exist and can be made to fail.
    private func fallibleOperations(of name: String) -> [Event.Callback.Operation] {
        var lacks = KernelHandler.all.filter { $0.name == name }.map(\.lacks)
        lacks += handlers.filter { $0.name == name }.map(\.lacks)
        let ofFLBs = Set(Event.Callback.Operation.allCases).subtracting(Event.Callback.Operation.ofFLBs)
        lacks += flbs.filter { $0.name == name }.map { $0.lacks.union(ofFLBs.map(\.rawValue)) }
        return Event.Callback.Operation.fallible.filter { operation in
            lacks.contains { !$0.contains(operation.rawValue) }
        }
    }

    /// Reports names in steps that are not defined.
    private func checkNames(_ reader: inout DocumentReader) {
        let all = allSteps
        var sessions: [String] = []
        var prefixes: [String] = []
        var retrieved: [String] = []
        for (_, step) in all {
            switch step.action.kind {
            case .session: sessions.append(step.session)
            case .sessions: prefixes.append(step.prefix)
            case .file: retrieved += [step.name].compactMap { $0 }
            default: break
            }
        }
        let defined: [ScenarioName.Kind: [String]] = [
            .handler: handlerNames,
            .flb: flbs.map(\.name),
            .part: flbs.map(\.name) + handlerNames,
            .file: files.map(\.name) + retrieved,
            .session: sessions,
        ]
        for (path, step) in all {
            let outcomes = step.outcomes ?? []
            for name in step.names {
                let known = defined[name.kind] ?? []
                if known.contains(name.name) { continue }
                if name.kind == .session, prefixes.contains(where: name.name.hasPrefix) { continue }
                reader.note(at: "\(path).\(name.key)", Self.unknown(name.kind.rawValue, name.name, known))
            }
            for (key, calls, subject) in [
                ("calls", [step.calls ?? []] + outcomes.flatMap { $0.calls ?? [] }, Event.Callback.Subject.flb),
                ("file_calls", [step.fileCalls ?? []] + outcomes.flatMap { $0.fileCalls ?? [] }, .handler),
            ] {
                for call in calls.joined() {
                    guard let problem = problem(withCall: call, of: subject) else { continue }
                    reader.note(at: "\(path).\(key)", "\"\(call)\" is no call: \(problem)")
                }
            }
            if let fail = step.fault, defined[.part]?.contains(fail.name) ?? false {
                let fallible = fallibleOperations(of: fail.name)
                if !fallible.contains(fail.operation) {
                    let list = fallible.isEmpty ? "nothing" : fallible.map(\.rawValue).joined(separator: ", ")
                    reader.note(
                        at: "\(path).operation",
                        "\(fail.name) has no \(fail.operation.rawValue); what can fail is \(list)")
                }
            }
        }
        var kexecs: Set<String> = []
        for (path, step) in all {
            guard step.action.kind == .kexec, let name = step.name, !kexecs.insert(name).inserted else { continue }
            reader.note(at: "\(path).name", "there are two of the name \"\(name)\"")
        }
    }

    /// The reason why a text is not a valid expected call; `nil` if it is.
    private func problem(withCall text: String, of subject: Event.Callback.Subject) -> String? {
        guard let call = ExpectedCall(text) else { return "NAME OPERATION, or NAME OPERATION: ERROR" }
        if let error = call.error, Errno(kernelName: error) == nil { return Errno.unknown(error) }
        let operations = (subject == .flb ? Event.Callback.Operation.ofFLBs : Event.Callback.Operation.allCases)
            .map(\.rawValue)
        if !operations.contains(call.operation) {
            return Spelling.suggestion(for: call.operation, among: operations)
                ?? "the operations are \(operations.joined(separator: ", "))"
        }
        guard compatibles(of: call.name, subject) == nil else { return nil }
        let names = subject == .flb ? flbs.map(\.name) : handlerNames
        return Self.unknown(subject == .flb ? "FLB" : "handler", call.name, names)
    }
}
