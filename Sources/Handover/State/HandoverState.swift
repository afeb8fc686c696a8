import KernelABI

/// Everything that one kernel hands to the next, as far as it is known.
///
/// What a reader finds in memory, what a document describes and what a writer lays out are values of this one type.
/// An optional that is `nil` is *not known*: not available when read, to be decided by the planner when built.
public struct HandoverState: Hashable, Sendable {
    private var named: KernelName?
    public var pageSize: PageSize?
    /// The processor architecture, where it is known.
    public var machine: Machine?
    public var kho: KHOState?
    public var luo: LUOState?
    /// What the subtrees say whose kinds are written in Swift, by their names.
    var coded: [String: AnySubtree] = [:]
    public var preserved: PreservedState?
    /// Bytes of the handover's pages that the fields above do not cover.
    public var residue: [ResidueState]?
    /// The short forms that the document used; no part of the value.
    private var short = Shortcuts()

    public init() {}

    /// Equal to every other value of its type.
    private struct Shortcuts: Hashable, Sendable {
        /// Their keys, for messages that name those of the document.
        var keys: Set<String> = []
        /// The version of the document's form.
        var format = HandoverState.documentFormat
        /// Puts what they say where it belongs, when all of the document has been read.
        var late: [@Sendable (inout HandoverState) throws(DocumentReadError) -> Void] = []

        static func == (left: Self, right: Self) -> Bool { true }
        func hash(into hasher: inout Hasher) {}
    }

    /// The version of the form of documents: in version 1, numbers that a double cannot hold were numbers.
    public static let documentFormat: UInt64 = 2

    /// The keys of the short forms that the document used.
    var shortcuts: Set<String> { short.keys }

    /// The generation of the ABI: its name, or any kernel release that has it.
    public var kernel: String? {
        get { named?.release }
        set { named = newValue.map { KernelName(release: $0, generation: Generation(release: $0)) } }
    }

    /// The generation that ``kernel`` names, be it a known one or that by which the handover was read.
    public var generation: Generation? {
        get { named?.generation }
        set { named = newValue.map { KernelName(release: $0.name, generation: $0) } }
    }
}

/// A kernel's release, which stands in documents, and the generation that has it.
struct KernelName: Hashable, Sendable {
    var release: String
    /// `nil` if the release is not known.
    var generation: Generation?

    static func == (left: Self, right: Self) -> Bool { left.release == right.release }
    func hash(into hasher: inout Hasher) { hasher.combine(release) }
}

extension HandoverState: DocumentObject {
    static let form = ObjectForm<HandoverState>(
        "handover", "what one kernel hands to the next",
        complete: { (state) throws(DocumentReadError) in try state.takeShortcuts() },
        parts + ContentKinds.codedSubtrees.map { $0.member.compared(as: $0.name) } + rest + shortcuts
            + ContentKinds.codedSubtrees.flatMap { $0.shortcuts })

    private static let parts: [ObjectForm<Self>.Member] = [
        .always(
            "format", { _ in documentFormat }, { $0.short.format = $1 }, FormatCodec(),
            "the version of this form: 1 or 2; in 1, numbers that a double cannot hold are numbers, not strings"
        ).uncompared,
        .ifKnown("kernel", \.named, KernelCodec(), "the generation of the ABI: a kernel release")
            .compared(as: "generation").compared { $1.compareGenerations($0.subject) },
        .ifKnown("page_size", \.pageSize, PageSizeCodec(), "the page size in bytes").compared(as: "page size"),
        .ifKnown("machine", \.machine, machineCodec, "the processor architecture")
            .compared { states, comparison in
                // Not all images say it.
                let machines = states.map(\.machine)
                if machines.both != nil { comparison.compare(machines) }
            },
        .ifKnown("kho", \.kho, "the root FDT and its subtrees").compared(as: "root FDT"),
        .ifKnown("luo", \.luo, "the Live Update Orchestrator's state").compared(as: "LUO"),
    ]

    private static let rest: [ObjectForm<Self>.Member] = [
        .ifKnown("preserved", \.preserved, "the map of preserved memory")
            .compared(as: "map of preserved memory").compared { $1.comparePreserved($0.map(\.preserved)) },
        .ifKnown("residue", \.residue, "bytes of the handover's pages that nothing else here accounts for")
            .compared { $1.compareResidue($0.before?.residue ?? [], $0.after?.residue ?? []) },
    ]

    private static let shortcuts: [ObjectForm<Self>.Member] = [
        shortcut(
            "liveupdate_number", for: \.luo.orEmpty.liveUpdateNumber, NumberCodec<UInt64>(),
            "short for luo.liveupdate_number"),
        shortcut(
            "sessions", for: \.luo.orEmpty.sessions, ArrayCodec(ObjectCodec<SessionState>()),
            "short for luo.sessions"),
        shortcut("flbs", for: \.luo.orEmpty.flbs, ArrayCodec(ObjectCodec<FLBState>()), "short for luo.flbs"),
    ]

    private static let machineCodec = ChoiceCodec<Machine> { "\(ImageText($0)) is no machine with KHO; they are" }

    /// A member that is read but never written: a short form of a member of one of the parts.
    static func shortcut<Codec: DocumentCodec>(
        _ key: String, for place: WritableKeyPath<Self, Codec.Value?> & Sendable, _ codec: Codec, _ summary: String
    ) -> ObjectForm<Self>.Member where Codec.Value: Sendable {
        ObjectForm.Member(
            key: key, summary: summary, isRequired: false, schema: codec.schema, write: { _, _ in },
            read: { (state, reader) throws(DocumentReadError) in
                let value = try codec.read(from: &reader)
                state.short.keys.insert(key)
                state.short.late.append(putting(value, at: place, short: key))
            })
    }

    private static func putting<Value: Sendable>(
        _ value: Value, at place: WritableKeyPath<Self, Value?> & Sendable, short key: String
    ) -> @Sendable (inout HandoverState) throws(DocumentReadError) -> Void {
        { (state) throws(DocumentReadError) in
            guard state[keyPath: place] == nil else {
                throw DocumentReadError.document("this is given twice, here and in another place").inside(".\(key)")
            }
            state[keyPath: place] = value
        }
    }

    /// Puts what the short forms say where it belongs.
    private mutating func takeShortcuts() throws(DocumentReadError) {
        let late = short.late
        short.late = []
        for take in late { try take(&self) }
    }
}

extension HandoverState {
    /// Whether this is a blob of which nothing says that a kernel hands it over.
    public var isOfNoHandover: Bool {
        kernel == nil && luo == nil && coded.isEmpty && kho?.compatible == nil && kho?.fdtSize == nil
    }
}

/// The version of a document's form.
struct FormatCodec: DocumentCodec {
    func write(_ value: UInt64, to writer: inout DocumentWriter) {
        writer.number(value)
    }

    func read(from reader: inout DocumentReader) throws(DocumentReadError) -> UInt64 {
        let format = try NumberCodec<UInt64>().read(from: &reader)
        guard 1...HandoverState.documentFormat ~= format else {
            throw .document(
                "unknown format \(format); use a luo-fdt that knows it, or 1 to \(HandoverState.documentFormat)")
        }
        return format
    }

    var schema: DocumentSchema { .integerChoice(Array(1...Int(HandoverState.documentFormat))) }
}

/// The name of a generation or release.
struct KernelCodec: DocumentCodec {
    func write(_ value: KernelName, to writer: inout DocumentWriter) {
        writer.string(value.release)
    }

    func read(from reader: inout DocumentReader) throws(DocumentReadError) -> KernelName {
        let text = try StringCodec().read(from: &reader)
        guard let generation = Generation(release: text, among: reader.generations) else {
            let known = reader.generations.flatMap(\.releases).map(\.description).joined(separator: ", ")
            throw .document("no kernel \(ImageText(text)) is known here; known are \(known)")
        }
        return KernelName(release: text, generation: generation)
    }

    var schema: DocumentSchema { .string }
}

struct PageSizeCodec: DocumentCodec {
    func write(_ value: PageSize, to writer: inout DocumentWriter) {
        writer.number(UInt64(value.bytes))
    }

    func read(from reader: inout DocumentReader) throws(DocumentReadError) -> PageSize {
        let number = try NumberCodec<UInt32>().read(from: &reader)
        guard let size = PageSize(rawValue: Int(number)) else {
            throw .document("unsupported page size \(number); use 4096, 16384 or 65536")
        }
        return size
    }

    var schema: DocumentSchema { .integerChoice(PageSize.allCases.map(\.bytes)) }
}
