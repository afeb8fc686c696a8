import Handover
import KernelABI

/// A story of kernels that hand over to each other: what there is, and what happens, step by step.
///
/// Reads from JSON; keys that are not known are refused, and errors (`DocumentError`) name the place. A scenario is a
/// test: each step says what it expects, and one that does not get it fails the run.
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
    public var pageSize: PageSize
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

    /// A file handler besides that of memfds, which every kernel has.
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

    /// An FLB. All operations are there unless the definition says otherwise.
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
            try ScenarioProblems.note(object.error(at: "kernel", ScenarioStep.unknownKernel(kernel)))
        }
        let bytes = try object.optionalNumber("page_size", "the page size in bytes") ?? 4096
        let size = Int(exactly: bytes).flatMap(PageSize.init(rawValue:))
        if size == nil {
            try ScenarioProblems.note(
                object.error(at: "page_size", "\(bytes) is not a page size; use 4096, 16384 or 65536"))
        }
        pageSize = size ?? .kib4
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
                try ScenarioProblems.note(object.error(at: key, "there are two of the name \"\(name)\""))
            }
        }
        try checkNames(object)
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
                [("\(path)[\(index)]", step)]
                    + step.action.nested.flatMap { flat("\(path)[\(index)].\($0.path)", $0.steps) }
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
        steps.contains { step in
            (step.action as? Fail).map { $0.name == name && $0.operation == .canFinish } ?? false
        }
    }

    /// Makes sure that everything that steps name is there.
    private func checkNames(_ object: StrictObject) throws {
        let all = allSteps
        let actions = all.map(\.step.action)
        let defined: [ScenarioName.Kind: [String]] = [
            .handler: handlers.map(\.name) + [Self.memfd],
            .flb: flbs.map(\.name),
            .part: flbs.map(\.name) + handlers.map(\.name) + [Self.memfd],
            .file: files.map(\.name) + actions.compactMap { ($0 as? Retrieve)?.name },
            .session: actions.compactMap { ($0 as? Create)?.session ?? ($0 as? RetrieveSession)?.session },
        ]
        let many = actions.compactMap { ($0 as? CreateMany)?.prefix }
        for (path, step) in all {
            let outcomes = (step.action as? Race)?.outcomes ?? []
            for name in step.action.names + step.state.names + outcomes.flatMap(\.state.names) {
                let known = defined[name.kind] ?? []
                if known.contains(name.name) { continue }
                if name.kind == .session, many.contains(where: name.name.hasPrefix) { continue }
                let list = known.isEmpty ? "there is none" : "there are \(known.joined(separator: ", "))"
                try ScenarioProblems.note(
                    object.error(
                        at: "\(path).\(name.key)", "no \(name.kind.rawValue) is called \"\(name.name)\"; \(list)"))
            }
            let flbCalls = [step.calls ?? []] + outcomes.flatMap { $0.calls ?? [] }
            let fileCalls = [step.fileCalls ?? []] + outcomes.flatMap { $0.fileCalls ?? [] }
            for (calls, parts) in [(flbCalls, flbs.map(\.compatible)), (fileCalls, nil)] {
                for call in calls.joined() where !Event.Callback.isCall(call, of: parts) {
                    try ScenarioProblems.note(
                        object.error(at: path, "\"\(call)\" is no call: NAME OPERATION, or NAME OPERATION: ERROR"))
                }
            }
        }
    }
}

extension Event.Callback {
    /// Whether a text is a call as steps expect it, of one of the parts if they are given.
    fileprivate static func isCall(_ text: String, of parts: [String]?) -> Bool {
        let words = text.split(separator: ":", maxSplits: 1).first?.split(separator: " ") ?? []
        guard words.count >= 2, Operation(rawValue: String(words[words.count - 1])) != nil else { return false }
        return parts?.contains(words.dropLast().joined(separator: " ")) ?? true
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
        lacks = Set(try object.array("lacks", "names of operations", of: String.self))
        does = try object.optional("does", "for operations, the calls that they make") ?? .none
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
        data = try object.optionalNumber("data", "what preserve returns") ?? 0
        payload = try object.optionalString("payload", "what preserve writes into preserved memory")
        hasObject = try object.flag("object", "whether preserve makes a live object") ?? true
        isBuiltIn = try object.flag("built_in", "whether it is built into the kernel") ?? false
        lacks = Set(try object.array("lacks", "names of operations", of: String.self))
        does = try object.optional("does", "for operations, the calls that they make") ?? .none
    }
}

extension Scenario.FileDefinition: Decodable, ScenarioPart {
    public init(from decoder: any Decoder) throws {
        var object = try StrictObject(decoder, "a file", of: Self.self)
        try self.init(&object)
    }

    init(_ object: inout StrictObject) throws {
        name = try object.string("name", "what steps call the file")
        handler = try object.optionalString("handler", "the handler that it is for")
        text = try object.optionalString("text", "the contents") ?? ""
        size = try object.optionalNumber("size", "the size in bytes") ?? 0
        position = try object.optionalNumber("pos", "the file position in bytes") ?? 0
        let seals = try object.optionalNumber("seals", "F_SEAL_*") ?? 0
        guard let seals = UInt32(exactly: seals) else { throw object.error(at: "seals", "\(seals) has over 32 bits") }
        self.seals = seals
    }
}
