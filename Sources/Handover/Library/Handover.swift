import KernelABI
import SystemPackage

/// A handover: read from a file, or made up, and written again.
///
/// This is the short way to what most programs want. ``HandoverInput`` and ``HandoverPlanner`` have the long one.
public struct Handover: Sendable {
    /// What is handed over, as far as it is known.
    public var state: HandoverState
    /// Where pointers lead; ``EmptyMemory`` for a handover that was made up.
    private let memory: any PhysicalMemory
    /// The kinds of content that payloads are read and written as.
    public let kinds: ContentKinds

    /// Reads the handover in a file or directory of any kind that ``InputKind`` knows.
    ///
    /// - Parameters:
    ///   - path: a file, a directory, or `-`.
    ///   - kinds: the kinds of content to read.
    /// - Throws: ``InputError`` if there is none in it. What is damaged is read as far as it goes.
    public init(contentsOf path: FilePath, kinds: ContentKinds = .standard) throws(InputError) {
        var options = InputOptions()
        options.kinds = kinds
        let input = try HandoverInput(path, options: options)
        state = input.documents[0].reading.exactState(in: input.documents[0].memory)
        memory = input.documents[0].memory
        self.kinds = kinds
    }

    /// An empty handover of a kernel.
    public init(kernel: Kernel, pageSize: PageSize = .kib4, kinds: ContentKinds = .standard) {
        state = HandoverState()
        state.kernel = kernel.release
        state.pageSize = pageSize
        memory = EmptyMemory()
        self.kinds = kinds
    }

    /// A kernel, by its release.
    public struct Kernel: Hashable, Sendable, ExpressibleByStringLiteral {
        /// For example `7.3`, or `7.3.4-amd64`.
        public let release: String

        public init(stringLiteral value: String) { release = value }

        public static let v6_18: Kernel = "6.18"
        public static let v6_19: Kernel = "6.19"
        public static let v7_0: Kernel = "7.0"
        public static let v7_1: Kernel = "7.1"
        public static let v7_2: Kernel = "7.2"
        public static let v7_3: Kernel = "7.3"
    }

    /// The file-lifecycle-bound objects.
    public var flbs: FLBs {
        get { FLBs(states: state.luo?.flbs ?? []) }
        set { state.luo.orEmpty.flbs = newValue.states }
    }

    /// The file-lifecycle-bound objects of a handover, in the order of their records.
    public struct FLBs: Sendable, RandomAccessCollection {
        fileprivate var states: [FLBState]

        public var startIndex: Int { 0 }
        public var endIndex: Int { states.count }
        public subscript(index: Int) -> FLB { FLB(state: states[index]) }

        /// Adds an object.
        ///
        /// - Parameters:
        ///   - name: its name. C: `liveupdate_flb.compatible`.
        ///   - payload: what its handle leads to, by the fields of the kernel's structures; counts, versions and
        ///     addresses that are left out are filled in.
        ///   - count: the number of preserved files that depend on it.
        public mutating func append(_ name: String, payload: PayloadValue, neededBy count: UInt64) {
            var flb = FLBState()
            flb.name = KernelString(name)
            flb.count = count
            flb.content = UnresolvedPayload(text: Array(payload.description.utf8))
            states.append(flb)
        }
    }

    /// One file-lifecycle-bound object.
    public struct FLB: Sendable {
        fileprivate let state: FLBState

        /// Its name; what is not UTF-8 is replaced.
        public var name: String { state.name.repaired }
        /// The number of preserved files that depend on it.
        public var count: UInt64 { state.count }

        /// What its handle leads to: an object with the fields of the kernel's structure; the handle itself if the kind
        /// of payload is not known.
        ///
        /// - Throws: ``DocumentReadError`` if the payload is one that was appended and is not JSON.
        public func payload() throws(DocumentReadError) -> PayloadValue {
            guard let content = state.content else { return .number(state.data) }
            if let unresolved = content as? UnresolvedPayload { return try PayloadValue(json: unresolved.text) }
            var text: [UInt8] = []
            var writer = DocumentWriter { text += $0 }
            content.write(to: &writer)
            writer.finish()
            return try PayloadValue(json: text)
        }
    }

    /// The handover as the JSON document that `luo-fdt dump --format json` prints.
    public var json: String {
        var text: [UInt8] = []
        var writer = DocumentWriter { text += $0 }
        writer.write(state)
        return String(decoding: text, as: UTF8.self)
    }

    /// Writes the handover as a kernel would have left it in memory; the form follows from the path's ending.
    ///
    /// - Throws: ``PlanError`` if no kernel would write it, ``WriteError`` or ``OutputError`` if it cannot be written.
    public func write(to path: FilePath) throws {
        var options = HandoverPlanner.Options()
        options.kinds = kinds
        let plan = try HandoverPlanner.plan(state, options: options) { name throws(FileError) in
            try MappedFile(path: FilePath(name)).count
        }
        let image = try HandoverImage(of: plan) { name throws(FileError) in try MappedFile(path: FilePath(name)) }
        try (OutputForm(path: path) ?? .elf).write(Capture(image), to: Destination(path))
    }
}
