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
        var object = try StrictObject(decoder, "a scenario")
        try self.init(&object)
        try object.end()
        try check(object)
    }

    init(_ object: inout StrictObject) throws {
        title = try object.string("title", "what the scenario is called")
        about = try object.optionalString("about", "what the scenario teaches")
        kernel = try object.string("kernel", "the release of the first kernel")
        guard object.isDescription || Generation(release: kernel) != nil else {
            throw object.error(at: "kernel", ScenarioStep.unknownKernel(kernel))
        }
        let bytes = try object.optionalNumber("page_size", "the page size in bytes") ?? 4096
        guard let pageSize = Int(exactly: bytes).flatMap(PageSize.init(rawValue:)) else {
            throw object.error(at: "page_size", "\(bytes) is not a page size; use 4096, 16384 or 65536")
        }
        self.pageSize = pageSize
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
                throw object.error(at: key, "there are two of the name \"\(name)\"")
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

    /// Makes sure that everything that steps name is there.
    private func checkNames(_ object: StrictObject) throws {
        let all = boot + steps
        let defined: [ScenarioName.Kind: [String]] = [
            .handler: handlers.map(\.name) + [Self.memfd],
            .flb: flbs.map(\.name),
            .part: flbs.map(\.name) + handlers.map(\.name) + [Self.memfd],
            .file: files.map(\.name) + all.compactMap { ($0.action as? Retrieve)?.name },
            .session: all.compactMap { ($0.action as? Create)?.session ?? ($0.action as? RetrieveSession)?.session },
        ]
        let many = all.compactMap { ($0.action as? CreateMany)?.prefix }
        for (key, steps) in [("boot", boot), ("steps", steps)] {
            for (index, step) in steps.enumerated() {
                for name in step.action.names + step.countedFLBs {
                    let known = defined[name.kind] ?? []
                    if known.contains(name.name) { continue }
                    if name.kind == .session, many.contains(where: name.name.hasPrefix) { continue }
                    let list = known.isEmpty ? "there is none" : "there are \(known.joined(separator: ", "))"
                    throw object.error(
                        at: "\(key)[\(index)].\(name.key)", "no \(name.kind.rawValue) is called \"\(name.name)\"; \(list)")
                }
                for (calls, parts) in [(step.calls, flbs.map(\.compatible)), (step.fileCalls, nil)] {
                    for call in calls ?? [] where !Event.Callback.isCall(call, of: parts) {
                        throw object.error(at: "\(key)[\(index)]", "\"\(call)\" is no call: NAME OPERATION, or NAME OPERATION: ERROR")
                    }
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
        var object = try StrictObject(decoder, "a file handler")
        try self.init(&object)
        try object.end()
    }

    init(_ object: inout StrictObject) throws {
        name = try object.string("name", "what steps call the handler")
        compatible = try object.optionalString("compatible", "its compatible") ?? name
        takes = try object.optional("takes", "names of handlers whose files it takes") ?? [name]
        freezeData = try object.optionalNumber("freeze_data", "what freeze leaves as the file's data")
        isBuiltIn = try object.flag("built_in", "whether it is built into the kernel") ?? false
        lacks = Set(try object.array("lacks", "names of operations", of: String.self))
    }
}

extension Scenario.FLBDefinition: Decodable, ScenarioPart {
    public init(from decoder: any Decoder) throws {
        var object = try StrictObject(decoder, "an FLB")
        try self.init(&object)
        try object.end()
    }

    init(_ object: inout StrictObject) throws {
        name = try object.string("name", "the FLB's name")
        compatible = try object.optionalString("compatible", "its compatible") ?? name
        data = try object.optionalNumber("data", "what preserve returns") ?? 0
        payload = try object.optionalString("payload", "what preserve writes into preserved memory")
        hasObject = try object.flag("object", "whether preserve makes a live object") ?? true
        isBuiltIn = try object.flag("built_in", "whether it is built into the kernel") ?? false
        lacks = Set(try object.array("lacks", "names of operations", of: String.self))
    }
}

extension Scenario.FileDefinition: Decodable, ScenarioPart {
    public init(from decoder: any Decoder) throws {
        var object = try StrictObject(decoder, "a file")
        try self.init(&object)
        try object.end()
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
