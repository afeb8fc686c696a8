import KernelABI

/// The Live Update Orchestrator's state.
public struct LUOState: Hashable, Sendable {
    public var compatible: KernelString?
    /// The number of live updates, including this one.
    public var liveUpdateNumber: UInt64?
    /// The fields of LUO's structure without a meaning to this package: an object.
    public var further: PayloadValue?
    /// The `compatible` of the session node, if LUO's state is an FDT.
    public var sessionCompatible: KernelString?
    /// The address of the array or the first block of sessions; 0 for none.
    public var sessionsAddress: PhysicalAddress?
    /// The blocks of sessions, if they are in blocks.
    public var blocks: [BlockState]?
    public var sessions: [SessionState]?
    /// The `compatible` of the FLB node, if LUO's state is an FDT.
    public var flbCompatible: KernelString?
    /// The address of the page of FLB records.
    public var flbAddress: PhysicalAddress?
    /// The number of pages stated in the FLB header.
    public var flbPageCount: UInt64?
    public var flbs: [FLBState]?

    public init() {}
}

extension LUOState: DocumentObject {
    package static let form = ObjectForm<LUOState>(
        "luo", "the Live Update Orchestrator's state",
        [
            .ifKnown("compatible", \.compatible, "the version of the ABI"),
            .ifKnown(
                "liveupdate_number", \.liveUpdateNumber, "the number of live updates, including this one"
            ).compared(apart: "number of live updates"),
            .ifKnown(
                "further", \.further, "the fields of luo_ser without their own key, by the kernel's names"),
            .ifKnown("session_compatible", \.sessionCompatible, "the version of the sessions (luo-v1)")
                .compared(as: "compatible of sessions"),
            .ifKnown("sessions_pa", \.sessionsAddress, "the address of the sessions; 0 for none")
                .compared(apart: "sessions, address"),
            .ifKnown("blocks", \.blocks, "the blocks of sessions (luo-v5)").compared(apart: "sessions"),
            .ifKnown("sessions", \.sessions, "the sessions").compared(apart: "sessions"),
            .ifKnown("flb_compatible", \.flbCompatible, "the version of the FLBs (luo-v1)")
                .compared(as: "compatible of FLBs"),
            .ifKnown("flb_pa", \.flbAddress, "the address of the page of FLBs").compared(apart: "FLBs, address"),
            .ifKnown("flb_pgcnt", \.flbPageCount, "its stated number of pages")
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
    /// The number of records stated in the block.
    public var count: UInt64?

    public init() {}

    public init(address: PhysicalAddress?, count: UInt64?) {
        self.address = address
        self.count = count
    }
}

extension BlockState: DocumentObject {
    package static let form = ObjectForm<BlockState>(
        "block", "a block of records", compact: true,
        [
            .ifKnown("pa", { $0.address }, { $0.address = $1 }, "the address of the block"),
            .ifKnown("count", { $0.count }, { $0.count = $1 }, "its number of records"),
        ])

    package static func compareLists(_ lists: Comparison.Pair<[Self]>, by comparison: inout Comparison) {
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
    /// The address of the array or the first block of files; 0 for none.
    public var filesAddress: PhysicalAddress?
    /// The number of files stated in the session's record.
    public var count: UInt64?
    /// The blocks of files, if they are in blocks.
    public var blocks: [BlockState]?
    public var files: [FileState]?
    /// The fields of the session's record without a meaning to this package: an object.
    public var further: PayloadValue?
    /// What one of the files says about the others.
    public var mapping: SessionMapping?

    /// Whether the session has files that are not in ``files``.
    public var hasUnreadFiles: Bool {
        guard let files else { return filesAddress?.rawValue ?? 0 != 0 || count ?? 0 != 0 }
        return count.map { $0 > UInt64(files.count) } ?? false
    }

    /// The total size in bytes of all files whose contents are known; `nil` if there is none.
    public var contentsSize: UInt64? {
        guard let files else { return nil }
        var total: UInt64?
        for index in files.indices {
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

    package static let form = ObjectForm<SessionState>(
        "session", "a session",
        [
            .always("name", { $0.name }, { $0.name = $1 }, required: true, "the session's name"),
            .ifKnown("files_pa", { $0.filesAddress }, { $0.filesAddress = $1 }, "the address of the files; 0 for none")
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
                "the fields of luo_session_ser without their own key, by the kernel's names"),
            .ifKnown("blocks", { $0.blocks }, { $0.blocks = $1 }, "the blocks of files (luo-v5)").compared(as: ""),
            .ifKnown("files", { $0.files }, { $0.files = $1 }, "the files"),
            .ifKnown(
                "mapping", { $0.mapping?.value }, { $0.mapping = $1.map(SessionMapping.init) }, PayloadValueCodec(),
                "a file's description of the others, such as systemd's; the file is created from it if missing"
            ).uncompared,
        ])
}

/// One preserved file.
public struct FileState: Hashable, Sendable {
    public var token: UInt64 = 0
    /// The name of the handler that preserved the file.
    public var compatible: KernelString?
    /// ``data``, or 0 if it is unknown.
    private var handle: UInt64 = 0
    private var rest: Rest = .none

    /// Other known properties. Rare ones are stored indirectly, so that this takes one word; this benefits the many
    /// files with unknown handlers, as copying several cases with payloads has to check which one it is.
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

    /// The handler's handle: for most handlers, the address of what they preserved.
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

    /// The fields of the file's record without a meaning to this package: an object.
    public var further: PayloadValue? {
        get { rest.further }
        set { rest = Rest(rest.content, further: newValue, hasHandle: rest.hasHandle) }
    }

    /// Whether it is known what the handler preserved. Takes no time, whereas getting the content copies it.
    public var hasContent: Bool {
        if case .more(.some, _, _) = rest { true } else { false }
    }

    /// What the handler preserved, if its kind is known and the memory is available.
    var content: (any Content)? {
        get { if case .more(let content?, _, _) = rest { content.content } else { nil } }
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

    package static let form = ObjectForm<FileState>(
        "file", "a preserved file",
        [
            .always(
                "token", { $0.token }, { $0.token = $1 }, HexCodec(), required: true,
                "identifies the file within its session"),
            .ifKnown("compatible", { $0.compatible }, { $0.compatible = $1 }, "the handler that preserved the file"),
            .ifKnown(
                "data", { $0.data }, { $0.data = $1 }, HexCodec(),
                "the handler's handle, usually the address of what it preserved"
            ).compared { files, comparison in
                // The handle of an unknown handler is all there is of the file; where it leads on, it is an address.
                let leadsOn = [files.before, files.after].count { $0?.hasContent ?? false }
                let subject = leadsOn == 2 ? files.subject.sibling("descriptor") : files.subject
                HexCodec().compare(
                    files.map(\.data).of(leadsOn > 0 ? subject.layout : subject), by: &comparison)
            },
            .ifKnown(
                "further", { $0.further }, { $0.further = $1 },
                "the fields of luo_file_ser without their own key, by the kernel's names"),
        ] + contentMembers)
}

/// One file-lifecycle-bound object.
public struct FLBState: Hashable, Sendable {
    public var name: KernelString = ""
    /// The result of the object's preserve operation.
    public var data: UInt64 = 0
    /// The number of files that depend on it.
    public var count: UInt64 = 1
    /// The fields of the object's record without a meaning to this package: an object.
    public var further: PayloadValue?
    /// The target of ``data``, if its kind is known and the memory is available.
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

    package static let form = ObjectForm<FLBState>(
        "flb", "a file-lifecycle-bound object", compactUnless: { $0.content != nil },
        [
            .always("name", { $0.name }, { $0.name = $1 }, required: true, "the object's unique name"),
            .always(
                "data", { $0.data }, { $0.data = $1 }, HexCodec(), "the handle that its preserve operation returned"),
            .always("count", { $0.count }, { $0.count = $1 }, "the number of files that depend on it"),
            .ifKnown(
                "further", { $0.further }, { $0.further = $1 },
                "the fields of luo_flb_ser without their own key, by the kernel's names"),
        ] + contentMembers)
}
