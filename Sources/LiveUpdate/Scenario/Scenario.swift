import Handover
import KernelABI
import SystemPackage

/// A sequence of kernels that hand over to each other: definitions, and steps with expectations.
///
/// Decodes from JSON; unknown keys are rejected, and errors (`DocumentError`) give the path. A scenario is a test: each
/// step states its expectations, and the run fails if one is not met.
public struct Scenario: Sendable {
    public var title: String
    /// What the scenario teaches.
    public var about: String?
    /// The release of the first kernel.
    public var kernel: String
    /// Whether all kernels are of the first one's release, whatever the steps say.
    public var isOfOneKernel = false
    /// How many interleavings of a race are played at most.
    public var interleavingLimit = 10_000
    /// The page size of all kernels; `nil` if the scenario does not say.
    public var pageSize: PageSize?
    /// Whether live update is on.
    public var isLiveUpdateEnabled: Bool
    /// Whether FLBs are finished as the kernel's documentation has it, and not as kernels do it.
    public var isAsDocumented: Bool
    public var handlers: [HandlerDefinition]
    public var flbs: [FLBDefinition]
    public var files: [FileDefinition]
    /// What every kernel does when it has come up.
    public var boot: [ScenarioStep]
    public var steps: [ScenarioStep]

    /// A file handler in addition to the memfd handler, which every kernel has.
    public struct HandlerDefinition: Sendable {
        /// What steps call it.
        public var name: String
        /// Its `compatible`; the name if it is not given.
        public var compatible: String
        /// The handlers whose files it takes; its own if it does not say.
        public var takes: [String]
        /// What `freeze` leaves as the file's data in place of what `preserve` returned.
        public var freezeData: UInt64?
        /// Whether it is no module's, but built into the kernel.
        public var isBuiltIn: Bool
        /// Operations that the handler lacks.
        public var lacks: Set<String>
        /// The calls that its operations make.
        var does = OperationSteps.none
    }

    /// An FLB. It has all operations unless the definition says otherwise.
    public struct FLBDefinition: Sendable {
        /// What steps call it.
        public var name: String
        /// Its `compatible`; the name where it is not given.
        public var compatible: String
        /// What `preserve` returns.
        public var data: UInt64
        /// What `preserve` puts into preserved memory, whose address it then returns.
        public var payload: String?
        /// Whether `preserve` makes a live object.
        public var hasObject: Bool
        /// Whether it is no module's, but built into the kernel.
        public var isBuiltIn: Bool
        /// Operations that the FLB lacks.
        public var lacks: Set<String>
        /// The calls that its operations make.
        var does = OperationSteps.none
    }

    /// A file.
    public struct FileDefinition: Sendable {
        public var name: String
        /// The handler that it is for; `nil` for a memfd.
        public var handler: String?
        public var text: String
        /// In bytes.
        public var size: UInt64
        public var position: UInt64
        public var seals: UInt32
    }
}

extension Scenario: Decodable, ScenarioPart {
    public init(from decoder: any Decoder) throws {
        self = try ScenarioProblems.collected { haveNone in
            var object = try StrictObject(decoder, "a scenario", of: Self.self)
            let scenario = try Scenario(&object)
            // Of a part that makes no sense, it is not known what it is called.
            if haveNone() { try scenario.check(object) }
            return scenario
        }
    }

    init(_ object: inout StrictObject) throws {
        title = try object.string("title", "what the scenario is called")
        about = try object.optionalString("about", "what the scenario teaches")
        kernel = try object.string("kernel", "the release of the first kernel")
        if Generation(release: kernel) == nil {
            try object.note(at: "kernel", KernelConfiguration.unknown(kernel))
        }
        pageSize = try object.optionalNumber("page_size", "a page size", among: PageSize.allCases.map(\.bytes))
            .flatMap(PageSize.init(rawValue:))
        isLiveUpdateEnabled = try object.flag("liveupdate", "whether live update is on") ?? true
        isAsDocumented = try object.flag("as_documented", "whether FLBs are finished as documented") ?? false
        handlers = try object.array("handlers", "file handlers", of: HandlerDefinition.self)
        flbs = try object.array("flbs", "FLBs", of: FLBDefinition.self)
        files = try object.array("files", "files", of: FileDefinition.self)
        boot = try object.array("boot", "what every kernel does when it has come up", of: ScenarioStep.self)
        steps = try object.array("steps", "what happens", of: ScenarioStep.self)
    }

    /// Makes sure that names are unique, and that everything that steps name is there.
    private func check(_ object: StrictObject) throws {
        for (names, key) in [
            (handlers.map(\.name) + [Self.memfd], "handlers"), (flbs.map(\.name), "flbs"), (files.map(\.name), "files"),
        ] {
            var seen: Set<String> = []
            for name in names where !seen.insert(name).inserted {
                try object.note(at: key, "there are two of the name \"\(name)\"")
            }
        }
        try checkParts(object)
        try checkNames(object)
    }

    /// Makes sure that what handlers, FLBs and files say of each other and of themselves makes sense.
    private func checkParts(_ object: StrictObject) throws {
        let names = handlers.map(\.name)
        for (index, handler) in handlers.enumerated() {
            for name in handler.takes where !names.contains(name) {
                let problem =
                    name == Self.memfd
                    ? "files of memfd are taken by memfd alone" : Self.unknown("handler", name, names)
                try object.note(at: "handlers[\(index)].takes", problem)
            }
        }
        for (index, file) in files.enumerated() {
            guard let name = file.handler, !names.contains(name) else { continue }
            try object.note(at: "files[\(index)].handler", Self.unknown("handler", name, names + [Self.memfd]))
        }
        let parts =
            handlers.enumerated().map { ("handlers[\($0)]", $1.name, $1.lacks, $1.does) }
            + flbs.enumerated().map { ("flbs[\($0)]", $1.name, $1.lacks, $1.does) }
        for (path, name, lacks, does) in parts {
            for (operation, _) in does.all where lacks.contains(operation) {
                try object.note(at: "\(path).does.\(operation)", "\(name) lacks \(operation), which makes no calls")
            }
        }
    }

    /// That nothing has a name.
    private static func unknown(_ kind: String, _ name: String, _ known: [String]) -> String {
        // Of names as short as that any is near.
        let suggestion = name.utf8.count > 2 ? Spelling.suggestion(for: name, among: known) : nil
        let list = known.isEmpty ? "there is none" : "there are \(known.joined(separator: ", "))"
        return "no \(kind) is called \"\(name)\"; \(suggestion ?? list)"
    }

    /// What steps call the kernel's handler of memfds.
    static let memfd = "memfd"

    /// Whether a handler or FLB has no module. That of memfds is built in, but can be made to go for a test.
    func isBuiltIn(_ name: String) -> Bool {
        handlers.contains { $0.name == name && $0.isBuiltIn } || flbs.contains { $0.name == name && $0.isBuiltIn }
    }

    /// All steps with their places: those of races and operations, too.
    private var allSteps: [(path: String, step: ScenarioStep)] {
        func flat(_ path: String, _ steps: [ScenarioStep]) -> [(path: String, step: ScenarioStep)] {
            steps.enumerated().flatMap { index, step in
                let place = "\(path)[\(index)]"
                let sides = step.action.race?.sides ?? []
                return [(place, step)] + sides.enumerated().flatMap { flat("\(place).sides[\($0)]", $1) }
            }
        }
        let operations = [("handlers", handlers.map(\.does)), ("flbs", flbs.map(\.does))].flatMap { key, parts in
            parts.enumerated().flatMap { index, part in
                part.all.flatMap { flat("\(key)[\(index)].does.\($0.operation)", $0.steps) }
            }
        }
        return flat("boot", boot) + flat("steps", steps) + operations
    }

    /// Whether operations make calls.
    var hasCallingOperations: Bool { (handlers.map(\.does) + flbs.map(\.does)).contains { !$0.all.isEmpty } }

    /// Whether a step makes `can_finish` of a handler fail.
    func failsCanFinish(of name: String) -> Bool {
        (boot + steps).contains { $0.action.fault == Faults.Place(name: name, operation: .canFinish) }
    }

    /// The operations of a handler or FLB that can be made to fail: those that it has.
    private func fallibleOperations(of name: String) -> [Event.Callback.Operation] {
        // The kernel's handler of memfds has no can_finish.
        var lacks: [Set<String>] = name == Self.memfd ? [[Event.Callback.Operation.canFinish.rawValue]] : []
        lacks += handlers.filter { $0.name == name }.map(\.lacks)
        let ofFLBs = Set(Event.Callback.Operation.allCases).subtracting(Event.Callback.Operation.ofFLBs)
        lacks += flbs.filter { $0.name == name }.map { $0.lacks.union(ofFLBs.map(\.rawValue)) }
        return Event.Callback.Operation.fallible.filter { operation in
            lacks.contains { !$0.contains(operation.rawValue) }
        }
    }

    /// Makes sure that everything that steps name is there.
    private func checkNames(_ object: StrictObject) throws {
        let all = allSteps
        var sessions: [String] = []
        var prefixes: [String] = []
        var retrieved: [String] = []
        for (_, step) in all {
            switch step.action.kind {
            case .session(let name): sessions.append(name)
            case .sessions(let prefix): prefixes.append(prefix)
            case .file(let name?): retrieved.append(name)
            default: break
            }
        }
        let defined: [ScenarioName.Kind: [String]] = [
            .handler: handlers.map(\.name) + [Self.memfd],
            .flb: flbs.map(\.name),
            .part: flbs.map(\.name) + handlers.map(\.name) + [Self.memfd],
            .file: files.map(\.name) + retrieved,
            .session: sessions,
        ]
        for (path, step) in all {
            let outcomes = step.action.race?.outcomes ?? []
            for name in step.names + step.state.names + outcomes.flatMap(\.state.names) {
                let known = defined[name.kind] ?? []
                if known.contains(name.name) { continue }
                if name.kind == .session, prefixes.contains(where: name.name.hasPrefix) { continue }
                try object.note(at: "\(path).\(name.key)", Self.unknown(name.kind.rawValue, name.name, known))
            }
            for (key, calls, subject) in [
                ("calls", [step.calls ?? []] + outcomes.flatMap { $0.calls ?? [] }, Event.Callback.Subject.flb),
                ("file_calls", [step.fileCalls ?? []] + outcomes.flatMap { $0.fileCalls ?? [] }, .handler),
            ] {
                for call in calls.joined() {
                    guard let problem = problem(withCall: call, of: subject) else { continue }
                    try object.note(at: "\(path).\(key)", "\"\(call)\" is no call: \(problem)")
                }
            }
            if let fail = step.action.fault, defined[.part]?.contains(fail.name) ?? false {
                let fallible = fallibleOperations(of: fail.name)
                if !fallible.contains(fail.operation) {
                    let list = fallible.isEmpty ? "nothing" : fallible.map(\.rawValue).joined(separator: ", ")
                    try object.note(
                        at: "\(path).operation",
                        "\(fail.name) has no \(fail.operation.rawValue); what can fail is \(list)")
                }
            }
        }
        var kexecs: Set<String> = []
        for (path, step) in all {
            guard case .kexec(let name?) = step.action.kind, !kexecs.insert(name).inserted else { continue }
            try object.note(at: "\(path).name", "there are two of the name \"\(name)\"")
        }
    }

    /// Why a text is no call as steps expect it; `nil` if it is one.
    private func problem(withCall text: String, of subject: Event.Callback.Subject) -> String? {
        guard let call = ExpectedCall(text) else { return "NAME OPERATION, or NAME OPERATION: ERROR" }
        if let error = call.error, Errno(kernelName: error) == nil { return StrictObject.unknownErrno(error, "") }
        let operations = (subject == .flb ? Event.Callback.Operation.ofFLBs : Event.Callback.Operation.allCases)
            .map(\.rawValue)
        if !operations.contains(call.operation) {
            return Spelling.suggestion(for: call.operation, among: operations)
                ?? "the operations are \(operations.joined(separator: ", "))"
        }
        guard compatibles(of: call.name, subject) == nil else { return nil }
        let names = subject == .flb ? flbs.map(\.name) : handlers.map(\.name) + [Self.memfd]
        return Self.unknown(subject == .flb ? "FLB" : "handler", call.name, names)
    }
}

extension Scenario.HandlerDefinition: Decodable, ScenarioPart {
    public init(from decoder: any Decoder) throws {
        var object = try StrictObject(decoder, "a file handler", of: Self.self)
        try self.init(&object)
    }

    init(_ object: inout StrictObject) throws {
        name = try object.string("name", "what steps call the handler")
        compatible = try object.optionalString("compatible", "its compatible") ?? name
        takes = try object.optional("takes", "names of handlers whose files it takes") ?? [name]
        freezeData = try object.optionalNumber("freeze_data", "what freeze leaves as the file's data")
        isBuiltIn = try object.flag("built_in", "whether it is built into the kernel") ?? false
        let operations = Event.Callback.Operation.allCases.map(\.rawValue)
        lacks = try object.words("lacks", "an operation of handlers", among: ["can_preserve"] + operations)
        does = try object.optional("does", "for operations, the calls that they make") ?? .none
        if freezeData != nil, lacks.contains(Event.Callback.Operation.freeze.rawValue) {
            try object.note(at: "freeze_data", "a handler that lacks freeze leaves none")
        }
    }
}

extension Scenario.FLBDefinition: Decodable, ScenarioPart {
    public init(from decoder: any Decoder) throws {
        var object = try StrictObject(decoder, "an FLB", of: Self.self)
        try self.init(&object)
    }

    init(_ object: inout StrictObject) throws {
        name = try object.string("name", "the FLB's name")
        compatible = try object.optionalString("compatible", "its compatible") ?? name
        let data = try object.optionalNumber("data", "what preserve returns")
        payload = try object.optionalString("payload", "what preserve writes into preserved memory")
        if data != nil, payload != nil {
            try object.note(at: "data", "an FLB with a payload returns the payload's address")
        }
        self.data = data ?? 0
        hasObject = try object.flag("object", "whether preserve makes a live object") ?? true
        isBuiltIn = try object.flag("built_in", "whether it is built into the kernel") ?? false
        let operations = Event.Callback.Operation.ofFLBs.map(\.rawValue)
        lacks = try object.words("lacks", "an operation of FLBs", among: operations)
        does = try object.optional("does", "for operations, the calls that they make") ?? .none
        for (operation, _) in does.all where !operations.contains(operation) {
            try object.note(at: "does", "FLBs have no \(operation)")
        }
    }
}

extension Scenario.FileDefinition: Decodable, ScenarioPart {
    public init(from decoder: any Decoder) throws {
        var object = try StrictObject(decoder, "a file", of: Self.self)
        try self.init(&object)
    }

    init(_ object: inout StrictObject) throws {
        name = try object.string("name", "what steps call the file")
        let handler = try object.optionalString("handler", "the handler that it is for")
        let text = try object.optionalString("text", "the contents")
        let size = try object.optionalNumber("size", "the size in bytes")
        let position = try object.optionalNumber("pos", "the file position in bytes")
        let givenSeals = try object.optionalNumber("seals", "F_SEAL_*")
        guard let seals = UInt32(exactly: givenSeals ?? 0) else {
            throw object.error(at: "seals", "\(givenSeals ?? 0) has over 32 bits")
        }
        self.handler = handler == Scenario.memfd ? nil : handler
        (self.text, self.size, self.position, self.seals) = (text ?? "", size ?? 0, position ?? 0, seals)
        guard let handler = self.handler else { return }
        for (key, isGiven) in [
            ("text", text != nil), ("size", size != nil), ("pos", position != nil), ("seals", givenSeals != nil),
        ] where isGiven {
            try object.note(at: key, "memfds have that; a file of \(handler) has not")
        }
    }
}
