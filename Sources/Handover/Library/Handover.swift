import KernelABI
import SystemPackage

/// A handover, read from a file or created, that can be written again.
///
/// A shortcut for what most programs need. ``HandoverInput`` and ``HandoverPlanner`` provide more control.
public struct Handover: Sendable {
    /// The handover's state, as far as known.
    public var state: HandoverState
    /// The memory to follow pointers in; ``EmptyMemory`` for a created handover.
    private let memory: any PhysicalMemory
    /// The kinds of content as which payloads are read and written.
    public let kinds: ContentKinds

    /// Reads the handover in a file or directory of any kind in ``InputKind``.
    ///
    /// - Parameters:
    ///   - path: A file, a directory, or `-`.
    ///   - kinds: The kinds of content to read.
    /// - Throws: ``InputError`` if it contains no handover. Damaged input is read as far as possible.
    public init(contentsOf path: FilePath, kinds: ContentKinds = .standard) throws(InputError) {
        var options = InputOptions()
        options.kinds = kinds
        let input = try HandoverInput(path, options: options)
        state = input.documents[0].reading.exactState(in: input.documents[0].memory)
        memory = input.documents[0].memory
        self.kinds = kinds
    }

    /// Creates an empty handover of a kernel.
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
        ///   - name: The name of the object. C: `liveupdate_flb.compatible`.
        ///   - payload: The target of its handle, by the fields of the kernel's structures. Omitted counts, versions
        ///     and addresses are filled in.
        ///   - count: The number of preserved files that depend on it.
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

        /// The name of the object; invalid UTF-8 is replaced.
        public var name: String { state.name.repaired }
        /// The number of preserved files that depend on it.
        public var count: UInt64 { state.count }

        /// The target of its handle: an object with the fields of the kernel's structure; the handle itself if the kind
        /// of payload is unknown.
        ///
        /// - Throws: ``DocumentReadError`` if the payload was appended and is not JSON.
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

    /// The handover as a JSON document, as printed by `luo-fdt dump --format json`.
    public var json: String {
        var text: [UInt8] = []
        var writer = DocumentWriter { text += $0 }
        writer.write(state)
        return String(decoding: text, as: UTF8.self)
    }

    /// Writes the handover as a kernel would have left it in memory; the path's extension determines the format.
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
