import KernelABI

/// Everything that one kernel hands to the next, as far as it is known.
///
/// What a reader finds in memory, what a document describes and what a writer lays out are values of this one type.
/// An optional that is `nil` is *not known*: not at hand when read, to be decided by the planner when built.
public struct HandoverState: Hashable, Sendable {
    /// The generation of the ABI: its name, or any kernel release that has it.
    public var kernel: String?
    /// The page size in bytes.
    public var pageSize: Int = PageSize.kib4.bytes
    /// The processor architecture, where it is known.
    public var machine: Machine?
    public var kho: KHOState?
    public var luo: LUOState?
    public var memblock: MemblockState?
    public var kexecMetadata: KexecMetadataState?
    public var preserved: PreservedState?
    /// Bytes that the handover's pages hold beyond what all of the above says.
    public var residue: [ResidueState]?
    /// The short forms that the document used, for messages that name its own keys; no part of the value.
    private var usedShortcuts = Shortcuts()

    public init() {}

    /// Equal to every other value of its type.
    private struct Shortcuts: Hashable, Sendable {
        var keys: Set<String> = []
        static func == (left: Self, right: Self) -> Bool { true }
        func hash(into hasher: inout Hasher) {}
    }

    /// The keys of the short forms that the document used.
    var shortcuts: Set<String> { usedShortcuts.keys }

    /// The generation that ``kernel`` names.
    public var generation: Generation? { kernel.flatMap(Generation.init(release:)) }
}

extension HandoverState: DocumentObject {
    static let form = ObjectForm<HandoverState>(
        "handover", "what one kernel hands to the next",
        [
            .ifKnown("kernel", { $0.kernel }, { $0.kernel = $1 }, KernelCodec(), "the generation of the ABI: a kernel release"),
            .always("page_size", { $0.pageSize }, { $0.pageSize = $1 }, PageSizeCodec(), "the page size in bytes"),
            .ifKnown("machine", { $0.machine }, { $0.machine = $1 }, MachineCodec(), "the processor architecture"),
            .ifKnown("kho", { $0.kho }, { $0.kho = $1 }, ObjectCodec<KHOState>(), "the root FDT and its subtrees"),
            .ifKnown("luo", { $0.luo }, { $0.luo = $1 }, ObjectCodec<LUOState>(), "the Live Update Orchestrator's state"),
            .ifKnown("memblock", { $0.memblock }, { $0.memblock = $1 }, ObjectCodec<MemblockState>(), "the reserve_mem regions"),
            .ifKnown(
                "kexec_metadata", { $0.kexecMetadata }, { $0.kexecMetadata = $1 }, ObjectCodec<KexecMetadataState>(), "which kernel handed over"),
            .ifKnown("preserved", { $0.preserved }, { $0.preserved = $1 }, ObjectCodec<PreservedState>(), "the map of preserved memory"),
            .ifKnown(
                "residue", { $0.residue }, { $0.residue = $1 }, ArrayCodec(ObjectCodec<ResidueState>()),
                "bytes of the handover's pages that nothing else here accounts for"),
            .shortcut(
                "liveupdate_number", { $0.shortLiveUpdateNumber }, { $0.shortLiveUpdateNumber = $1 }, NumberCodec<UInt64>(),
                "short for luo.liveupdate_number"),
            .shortcut(
                "sessions", { $0.shortSessions }, { $0.shortSessions = $1 }, ArrayCodec(ObjectCodec<SessionState>()), "short for luo.sessions"),
            .shortcut("flbs", { $0.shortFLBs }, { $0.shortFLBs = $1 }, ArrayCodec(ObjectCodec<FLBState>()), "short for luo.flbs"),
            .shortcut(
                "reserve_mem", { $0.shortRegions }, { $0.shortRegions = $1 }, ArrayCodec(ObjectCodec<MemblockState.Region>()),
                "short for memblock.regions"),
        ])

    private var shortLiveUpdateNumber: UInt64? {
        get { luo?.liveUpdateNumber }
        set {
            luo = luo ?? LUOState()
            luo?.liveUpdateNumber = newValue
            usedShortcuts.keys.insert("liveupdate_number")
        }
    }

    private var shortSessions: [SessionState]? {
        get { luo?.sessions }
        set {
            luo = luo ?? LUOState()
            luo?.sessions = newValue
            usedShortcuts.keys.insert("sessions")
        }
    }

    private var shortFLBs: [FLBState]? {
        get { luo?.flbs }
        set {
            luo = luo ?? LUOState()
            luo?.flbs = newValue
            usedShortcuts.keys.insert("flbs")
        }
    }

    private var shortRegions: [MemblockState.Region]? {
        get { memblock?.regions }
        set {
            memblock = memblock ?? MemblockState()
            memblock?.regions = newValue
            usedShortcuts.keys.insert("reserve_mem")
        }
    }
}

/// The name of a generation or release.
struct KernelCodec: DocumentCodec {
    func write(_ value: String, to writer: inout DocumentWriter) {
        writer.string(value)
    }

    func encode(_ value: String, to encoder: any Encoder) throws {
        try StringCodec().encode(value, to: encoder)
    }

    func decode(from decoder: any Decoder) throws -> String {
        let text = try StringCodec().decode(from: decoder)
        guard Generation(release: text) != nil else {
            let known = Generation.all.flatMap(\.releases).joined(separator: ", ")
            throw DocumentError(decoder.codingPath, "no kernel \"\(text)\" is known here; known are \(known)")
        }
        return text
    }

    var schema: DocumentSchema { .string }
}

struct PageSizeCodec: DocumentCodec {
    func write(_ value: Int, to writer: inout DocumentWriter) {
        writer.number(UInt64(value))
    }

    func encode(_ value: Int, to encoder: any Encoder) throws {
        try NumberCodec<UInt64>().encode(UInt64(value), to: encoder)
    }

    func decode(from decoder: any Decoder) throws -> Int {
        let number = try NumberCodec<UInt32>().decode(from: decoder)
        guard let size = PageSize(rawValue: Int(number)) else {
            throw DocumentError(decoder.codingPath, "\(number) is no page size; they are 4096, 16384 and 65536")
        }
        return size.bytes
    }

    var schema: DocumentSchema { .integerChoice(PageSize.allCases.map(\.bytes)) }
}

struct MachineCodec: DocumentCodec {
    func write(_ value: Machine, to writer: inout DocumentWriter) {
        writer.string(value.rawValue)
    }

    func encode(_ value: Machine, to encoder: any Encoder) throws {
        try StringCodec().encode(value.rawValue, to: encoder)
    }

    func decode(from decoder: any Decoder) throws -> Machine {
        let text = try StringCodec().decode(from: decoder)
        guard let machine = Machine(rawValue: text) else {
            throw DocumentError(
                decoder.codingPath,
                "\"\(text)\" is no machine with KHO; they are \(Machine.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return machine
    }

    var schema: DocumentSchema { .stringChoice(Machine.allCases.map(\.rawValue)) }
}
