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
        public var name: String
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

extension Scenario: Decodable {
    public init(from decoder: any Decoder) throws {
        var object = try StrictObject(decoder, "a scenario")
        title = try object.string("title", "what the scenario is called")
        about = try object.optionalString("about", "what the scenario teaches")
        kernel = try object.string("kernel", "the release of the first kernel")
        guard Generation(release: kernel) != nil else {
            throw object.error(at: "kernel", ScenarioStep.unknownKernel(kernel))
        }
        let bytes = try object.optionalNumber("page_size", "the page size in bytes") ?? 4096
        guard let pageSize = Int(exactly: bytes).flatMap(PageSize.init(rawValue:)) else {
            throw object.error(at: "page_size", "\(bytes) is no page size; they are 4096, 16384 and 65536")
        }
        self.pageSize = pageSize
        isLiveUpdateEnabled = try object.flag("liveupdate", "whether live update is on") ?? true
        isAsDocumented = try object.flag("as_documented", "whether FLBs are finished as documented") ?? false
        handlers = try object.array("handlers", "file handlers", of: HandlerDefinition.self)
        flbs = try object.array("flbs", "FLBs", of: FLBDefinition.self)
        files = try object.array("files", "files", of: FileDefinition.self)
        boot = try object.array("boot", "steps", of: ScenarioStep.self)
        steps = try object.array("steps", "steps", of: ScenarioStep.self)
        try object.end()
        for (names, key) in [
            (handlers.map(\.name) + [Self.memfd], "handlers"), (flbs.map(\.name), "flbs"), (files.map(\.name), "files"),
        ] {
            var seen: Set<String> = []
            for name in names where !seen.insert(name).inserted {
                throw object.error(at: key, "there are two of the name \"\(name)\"")
            }
        }
    }

    /// What steps call the kernel's handler of memfds.
    static let memfd = "memfd"
}

extension Scenario.HandlerDefinition: Decodable {
    public init(from decoder: any Decoder) throws {
        var object = try StrictObject(decoder, "a file handler")
        name = try object.string("name", "the handler's name")
        lacks = Set(try object.array("lacks", "names of operations", of: String.self))
        try object.end()
    }
}

extension Scenario.FLBDefinition: Decodable {
    public init(from decoder: any Decoder) throws {
        var object = try StrictObject(decoder, "an FLB")
        name = try object.string("name", "the FLB's name")
        compatible = try object.optionalString("compatible", "its compatible") ?? name
        data = try object.optionalNumber("data", "what preserve returns") ?? 0
        payload = try object.optionalString("payload", "what preserve writes into preserved memory")
        hasObject = try object.flag("object", "whether preserve makes a live object") ?? true
        lacks = Set(try object.array("lacks", "names of operations", of: String.self))
        try object.end()
    }
}

extension Scenario.FileDefinition: Decodable {
    public init(from decoder: any Decoder) throws {
        var object = try StrictObject(decoder, "a file")
        name = try object.string("name", "what steps call the file")
        handler = try object.optionalString("handler", "the handler that it is for")
        text = try object.optionalString("text", "the contents") ?? ""
        size = try object.optionalNumber("size", "the size in bytes") ?? 0
        position = try object.optionalNumber("pos", "the file position in bytes") ?? 0
        let seals = try object.optionalNumber("seals", "F_SEAL_*") ?? 0
        guard let seals = UInt32(exactly: seals) else { throw object.error(at: "seals", "\(seals) has over 32 bits") }
        self.seals = seals
        try object.end()
    }
}
