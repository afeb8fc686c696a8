import KernelABI

/// The Live Update Orchestrator's state.
public struct LUOState: Hashable, Sendable {
    public var compatible: KernelString?
    /// How many live updates there have been, this one included.
    public var liveUpdateNumber: UInt64?
    /// The fields of LUO's structure that have no meaning here: an object.
    public var further: PayloadValue?
    /// The `compatible` of the session node, where LUO's state is an FDT.
    public var sessionCompatible: KernelString?
    /// Where the sessions' array or first block is; 0 for none.
    public var sessionsAddress: PhysicalAddress?
    /// The blocks of sessions, where they lie in blocks.
    public var blocks: [BlockState]?
    public var sessions: [SessionState]?
    /// The `compatible` of the FLB node, where LUO's state is an FDT.
    public var flbCompatible: KernelString?
    /// Where the page of FLB records is.
    public var flbAddress: PhysicalAddress?
    /// The number of pages that the FLB header states.
    public var flbPageCount: UInt64?
    public var flbs: [FLBState]?

    public init() {}
}

extension LUOState: DocumentObject {
    static let form = ObjectForm<LUOState>(
        "luo", "the Live Update Orchestrator's state",
        [
            .ifKnown("compatible", \.compatible, "the version of the ABI"),
            .ifKnown(
                "liveupdate_number", \.liveUpdateNumber, "how many live updates there have been, this one included"
            ).compared(apart: "number of live updates"),
            .ifKnown(
                "further", \.further, "the fields of luo_ser that have no key of their own, by the kernel's names"),
            .ifKnown("session_compatible", \.sessionCompatible, "the version of the sessions (luo-v1)")
                .compared(as: "compatible of sessions"),
            .ifKnown("sessions_pa", \.sessionsAddress, "where the sessions are; 0 for none")
                .compared(apart: "sessions, address"),
            .ifKnown("blocks", \.blocks, "the blocks of sessions (luo-v5)").compared(apart: "sessions"),
            .ifKnown("sessions", \.sessions, "the sessions").compared(apart: "sessions"),
            .ifKnown("flb_compatible", \.flbCompatible, "the version of the FLBs (luo-v1)")
                .compared(as: "compatible of FLBs"),
            .ifKnown("flb_pa", \.flbAddress, "where the page of FLBs is").compared(apart: "FLBs, address"),
            .ifKnown("flb_pgcnt", \.flbPageCount, "its number of pages, as it says")
                .compared(apart: "FLBs, number of pages"),
            .ifKnown("flbs", \.flbs, "the file-lifecycle-bound objects")
                .compared(apart: "FLBs").compared { states, comparison in
                    // Not all kernels have FLBs.
                    let haveFLBs = [states.before, states.after].contains { $0?.flbAddress != nil || $0?.flbs != nil }
                    if haveFLBs { FLBState.compareLists(states.map(\.flbs), by: &comparison) }
                },
        ])
}

/// One block of a chain of records.
public struct BlockState: Hashable, Sendable {
    public var address: PhysicalAddress?
    /// The number of records that the block states.
    public var count: UInt64?

    public init() {}

    public init(address: PhysicalAddress?, count: UInt64?) {
        self.address = address
        self.count = count
    }
}

extension BlockState: DocumentObject {
    static let form = ObjectForm<BlockState>(
        "block", "a block of records", compact: true,
        [
            .ifKnown("pa", { $0.address }, { $0.address = $1 }, "where the block is"),
            .ifKnown("count", { $0.count }, { $0.count = $1 }, "its number of records"),
        ])

    static func compareLists(_ lists: Comparison.Pair<[Self]>, by comparison: inout Comparison) {
        guard let (before, after) = lists.both else { return }
        let counts = lists.map { $0.map { $0.count.map(String.init) ?? "?" }.joined(separator: "+") }
        comparison.compare(counts.of(lists.subject.part("records in blocks").layout))
        // Where the first is, is said by what leads to it.
        for (index, (old, new)) in zip(before, after).enumerated().dropFirst() {
            comparison.compare(.init(old.address, new.address, lists.subject.part("block \(index + 1)").layout))
        }
    }
}

/// One session.
public struct SessionState: Hashable, Sendable {
    public var name: KernelString = ""
    /// Where the files' array or first block is; 0 for none.
    public var filesAddress: PhysicalAddress?
    /// The number of files that the session's record states.
    public var count: UInt64?
    /// The blocks of files, where they lie in blocks.
    public var blocks: [BlockState]?
    public var files: [FileState]?
    /// The fields of the session's record that have no meaning here: an object.
    public var further: PayloadValue?
    /// What one of the files says of the others.
    public var mapping: SessionMapping?

    /// Whether the session has files that are not in ``files``.
    public var hasUnreadFiles: Bool {
        guard let files else { return filesAddress?.rawValue ?? 0 != 0 || count ?? 0 != 0 }
        return count.map { $0 > UInt64(files.count) } ?? false
    }

    /// The size of all files whose contents are known, in bytes; `nil` if there is none.
    public var contentsSize: UInt64? {
        guard let files else { return nil }
        var total: UInt64?
        for index in files.indices where files[index].hasContent {
            guard let size = files[index].fileContents?.size else { continue }
            total = (total ?? 0).addingSaturating(size)
        }
        return total
    }

    public init() {}
}

extension SessionState: NamedRecord {
    static let noun = "session"
    var comparisonSummary: String {
        let count = files.map { UInt64($0.count) } ?? count ?? 0
        return count == 1 ? "1 file" : "\(count) files"
    }

    static let form = ObjectForm<SessionState>(
        "session", "a session",
        [
            .always("name", { $0.name }, { $0.name = $1 }, required: true, "the session's name"),
            .ifKnown("files_pa", { $0.filesAddress }, { $0.filesAddress = $1 }, "where the files are; 0 for none")
                .compared(as: "address of files"),
            .ifKnown("count", { $0.count }, { $0.count = $1 }, "the number of files")
                .compared { sessions, comparison in
                    // The number of records says it already, if both agree with theirs.
                    let agree = [sessions.before, sessions.after].allSatisfy { session in
                        session?.count == session?.files.map { UInt64($0.count) }
                    }
                    if !agree { comparison.compare(sessions.map(\.count)) }
                },
            .ifKnown(
                "further", { $0.further }, { $0.further = $1 },
                "the fields of luo_session_ser that have no key of their own, by the kernel's names"),
            .ifKnown("blocks", { $0.blocks }, { $0.blocks = $1 }, "the blocks of files (luo-v5)").compared(as: ""),
            .ifKnown("files", { $0.files }, { $0.files = $1 }, "the files"),
            .ifKnown(
                "mapping", { $0.mapping?.value }, { $0.mapping = $1.map(SessionMapping.init) }, PayloadValueCodec(),
                "what a file says of the others, such as systemd's of its units; made into that file if it is missing"
            ).uncompared,
        ])
}

/// One preserved file.
public struct FileState: Hashable, Sendable {
    public var token: UInt64 = 0
    /// The name of the handler that preserved the file.
    public var compatible: KernelString?
    /// ``data``, or 0 if that is not known.
    private var handle: UInt64 = 0
    private var rest: Rest = .none

    /// What else is known. Only what few files have takes more than a word, which the many files of unknown handlers
    /// gain by: of several cases with values, a copy would have to ask for the one that it is.
    private indirect enum Rest: Hashable, Sendable {
        case none
        case handle
        case more(AnyContent?, further: PayloadValue?, hasHandle: Bool)

        var content: AnyContent? {
            if case .more(let content, _, _) = self { content } else { nil }
        }

        var further: PayloadValue? {
            if case .more(_, let fields, _) = self { fields } else { nil }
        }

        var hasHandle: Bool {
            switch self {
            case .none: false
            case .handle: true
            case .more(_, _, let hasHandle): hasHandle
            }
        }

        init(_ content: AnyContent?, further: PayloadValue?, hasHandle: Bool) {
            if content == nil, further == nil {
                self = hasHandle ? .handle : .none
            } else {
                self = .more(content, further: further, hasHandle: hasHandle)
            }
        }
    }

    public init() {}

    init(token: UInt64, compatible: KernelString, data: UInt64) {
        self.token = token
        self.compatible = compatible
        handle = data
        rest = .handle
    }

    /// The handler's handle: for most handlers the address of what they preserved.
    public var data: UInt64? {
        get { rest.hasHandle ? handle : nil }
        set {
            handle = newValue ?? 0
            switch rest {
            case .none, .handle: rest = newValue == nil ? .none : .handle
            case .more(let content, let further, _):
                rest = .more(content, further: further, hasHandle: newValue != nil)
            }
        }
    }

    /// The fields of the file's record that have no meaning here: an object.
    public var further: PayloadValue? {
        get { rest.further }
        set { rest = Rest(rest.content, further: newValue, hasHandle: rest.hasHandle) }
    }

    /// Whether it is known what the handler preserved; takes no time, where to get one copies it.
    public var hasContent: Bool {
        if case .more(.some, _, _) = rest { true } else { false }
    }

    /// What the handler preserved, if its kind is known and the memory is available.
    var content: (any Content)? {
        // To ask first spares the many files without one a copy.
        get { hasContent ? rest.content?.content : nil }
        set { rest = Rest(newValue.map(AnyContent.init), further: rest.further, hasHandle: rest.hasHandle) }
    }
}

extension FileState: ComparedRecord {
    static let noun = "file"
    var identity: UInt64 { token }
    var identityText: String { token.prefixedHex }
    var isWhole: Bool { !hasContent }
    var comparisonSummary: String {
        if let content, let size = content.fileContents?.size { return "\(content.title) of \(size) bytes" }
        return compatible.map(\.quoted) ?? ""
    }
}

extension FileState: ContentOwner {
    static let contentPlace = ContentPlace.file
    var contentName: KernelString? {
        get { compatible }
        set { compatible = newValue }
    }

    static let form = ObjectForm<FileState>(
        "file", "a preserved file",
        [
            .always(
                "token", { $0.token }, { $0.token = $1 }, HexCodec(), required: true,
                "identifies the file within its session"),
            .ifKnown("compatible", { $0.compatible }, { $0.compatible = $1 }, "the handler that preserved the file"),
            .ifKnown(
                "data", { $0.data }, { $0.data = $1 }, HexCodec(),
                "the handler's handle: mostly the address of what it preserved"
            ).compared { files, comparison in
                // The handle of an unknown handler is all there is of the file; where it leads on, it is an address.
                let leadsOn = [files.before, files.after].count { $0?.hasContent ?? false }
                let subject = leadsOn == 2 ? files.subject.sibling("descriptor") : files.subject
                HexCodec().compare(
                    files.map(\.data).of(leadsOn > 0 ? subject.layout : subject), by: &comparison)
            },
            .ifKnown(
                "further", { $0.further }, { $0.further = $1 },
                "the fields of luo_file_ser that have no key of their own, by the kernel's names"),
        ] + contentMembers)
}

/// One file-lifecycle-bound object.
public struct FLBState: Hashable, Sendable {
    public var name: KernelString = ""
    /// What the object's preserve operation returned.
    public var data: UInt64 = 0
    /// The number of files that depend on it.
    public var count: UInt64 = 1
    /// The fields of the object's record that have no meaning here: an object.
    public var further: PayloadValue?
    /// What ``data`` leads to, if its kind is known and the memory is available.
    private var known: AnyContent?

    public init() {}

    var content: (any Content)? {
        get { known?.content }
        set { known = newValue.map(AnyContent.init) }
    }
}

extension FLBState: NamedRecord {
    static let noun = "FLB"
    var comparisonSummary: String { "\(count) files" }
}

extension FLBState: ContentOwner {
    static let contentPlace = ContentPlace.flb
    var contentName: KernelString? {
        get { name }
        set { name = newValue ?? name }
    }

    static let form = ObjectForm<FLBState>(
        "flb", "a file-lifecycle-bound object", compactUnless: { $0.content != nil },
        [
            .always("name", { $0.name }, { $0.name = $1 }, required: true, "the object's unique name"),
            .always(
                "data", { $0.data }, { $0.data = $1 }, HexCodec(), "the handle that its preserve operation returned"),
            .always("count", { $0.count }, { $0.count = $1 }, "the number of files that depend on it"),
            .ifKnown(
                "further", { $0.further }, { $0.further = $1 },
                "the fields of luo_flb_ser that have no key of their own, by the kernel's names"),
        ] + contentMembers)
}
