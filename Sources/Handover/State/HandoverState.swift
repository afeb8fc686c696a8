import KernelABI

/// Everything that one kernel hands to the next, as far as it is known.
///
/// Readers, documents and writers all use this type. An optional that is `nil` means *not known*: unavailable when
/// reading, to be decided by the planner when building.
public struct HandoverState: Hashable, Sendable {
    private var named: KernelName?
    public var pageSize: PageSize?
    /// The processor architecture, if known.
    public var machine: Machine?
    public var kho: KHOState?
    public var luo: LUOState?
    /// The contents of subtrees whose kinds are implemented in Swift, by name.
    var coded: [String: AnySubtree] = [:]
    public var preserved: PreservedState?
    /// Bytes of the handover's pages that the fields above do not cover.
    public var residue: [ResidueState]?
    /// The shortcuts used in the document; not part of the value.
    private var short = Shortcuts()

    public init() {}

    /// Equal to every other value of its type.
    private struct Shortcuts: Hashable, Sendable {
        /// Their keys, for messages that refer to the document.
        var keys: Set<String> = []
        /// The version of the document format.
        var format = HandoverState.documentFormat
        /// Stores their values where they belong, once the whole document has been read.
        var late: [@Sendable (inout HandoverState) throws(DocumentReadError) -> Void] = []

        static func == (left: Self, right: Self) -> Bool { true }
        func hash(into hasher: inout Hasher) {}
    }

    /// The version of the document format. In version 1, numbers that a double cannot represent were written as
    /// numbers.
    public static let documentFormat: UInt64 = 2

    /// The keys of the shortcuts used in the document.
    var shortcuts: Set<String> { short.keys }

    /// The generation of the ABI: its name, or any kernel release that has it.
    public var kernel: String? {
        get { named?.release }
        set { named = newValue.map { KernelName(release: $0, generation: Generation(release: $0)) } }
    }

    /// The generation that ``kernel`` names: a known one, or the one used for reading the handover.
    public var generation: Generation? {
        get { named?.generation }
        set { named = newValue.map { KernelName(release: $0.name, generation: $0) } }
    }
}

/// A kernel release, as stored in documents, and its generation.
struct KernelName: Hashable, Sendable {
    var release: String
    /// `nil` if the release is unknown.
    var generation: Generation?

    static func == (left: Self, right: Self) -> Bool { left.release == right.release }
    func hash(into hasher: inout Hasher) { hasher.combine(release) }
}

extension HandoverState: DocumentObject {
    package static let form = ObjectForm<HandoverState>(
        "handover", "what one kernel hands to the next",
        complete: { (state, _) throws(DocumentReadError) in try state.takeShortcuts() },
        parts + ContentKinds.codedSubtrees.map { $0.member.compared(as: $0.name) } + rest + shortcuts
            + ContentKinds.codedSubtrees.flatMap { $0.shortcuts })

    private static let parts: [ObjectForm<Self>.Member] = [
        .always(
            "format", { _ in documentFormat }, { $0.short.format = $1 }, formatCodec,
            "the version of this format: 1 or 2; in 1, numbers that a double cannot hold are numbers, not strings"
        ).uncompared,
        .ifKnown("kernel", \.named, KernelCodec(), "the generation of the ABI: a kernel release")
            .compared(as: "generation").compared { $1.compareGenerations($0.subject) },
        .ifKnown("page_size", \.pageSize, PageSize.codec, "the page size in bytes").compared(as: "page size"),
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
        .ifKnown("residue", \.residue, "bytes of the handover's pages not covered by the fields above")
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

    /// The version of the document format.
    private static let formatCodec = NumberCodec<UInt64>().mapped(
        .integerChoice(Array(1...Int(documentFormat))), from: { $0 },
        problem: { "unknown format \($0); use a newer luo-fdt, or 1 to \(documentFormat)" },
        to: { 1...documentFormat ~= $0 ? $0 : nil })

    private static let machineCodec = ChoiceCodec<Machine>(else: "is not a machine with KHO")

    /// A member that is read but never written: a shortcut for a member of one of the parts.
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
                throw DocumentReadError.document("this is given twice, here and elsewhere").inside(".\(key)")
            }
            state[keyPath: place] = value
        }
    }

    /// Stores the values of shortcuts where they belong.
    private mutating func takeShortcuts() throws(DocumentReadError) {
        let late = short.late
        short.late = []
        for take in late { try take(&self) }
    }
}

extension HandoverState {
    /// Whether this is a blob that nothing identifies as handed over by a kernel.
    public var isOfNoHandover: Bool {
        kernel == nil && luo == nil && coded.isEmpty && kho?.compatible == nil && kho?.fdtSize == nil
    }
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
            throw .document("unknown kernel \(ImageText(text)); known kernels are \(known)")
        }
        return KernelName(release: text, generation: generation)
    }

    var schema: DocumentSchema { .string }
}

extension PageSize {
    /// As its number of bytes.
    package static let codec = NumberCodec<UInt32>().mapped(
        .integerChoice(allCases.map(\.bytes)), from: { UInt32($0.bytes) },
        problem: { "unsupported page size \($0); use 4096, 16384 or 65536" }, to: { PageSize(rawValue: Int($0)) })
}
