import FDT
import KernelABI

/// A subtree of the root FDT that is written in Swift: what its blob says is a part of the state, under a key of its
/// own in documents. The defaults are those of a blob that leads to no memory.
protocol CodedSubtree: DocumentObject {
    /// The name of the subtree.
    static var name: String { get }
    /// The key in documents.
    static var key: String { get }
    /// Whether a kernel that knows the subtree always has it.
    static var isAlwaysThere: Bool { get }
    /// How the blob is structured.
    static var blobForm: Extent.Form { get }
    /// How a blob by itself is recognised.
    static var inputKind: InputKind { get }
    /// What is checked of it.
    static var rules: [CheckRule] { get }
    /// The short forms that documents have of its members.
    static var shortcuts: [ObjectForm<HandoverState>.Member] { get }

    /// Reads the blob; `nil`, with a finding in the log, if nothing of it can be read.
    static func read(
        _ blob: [UInt8], at address: PhysicalAddress?, _ generation: Generation, _ log: inout ReadingLog
    ) -> Self?
    /// The release that a blob says it was written by; read before the generation is known.
    static func writer(of blob: [UInt8]) -> KernelString?

    /// Fills in what is not given, as the kernel would; what no kernel would write is reported to the planner.
    mutating func complete(in state: HandoverState, by planner: inout HandoverPlanner)
    /// Visits every allocation that the blob leads to, in the order in which addresses are assigned.
    mutating func visitAllocations<Visitor: AllocationVisitor>(
        by planner: inout HandoverPlanner, _ visitor: inout Visitor)
    /// The blob, complete as the planner has left it.
    func blob(_ generation: Generation, _ pageSize: PageSize) throws(FDTError) -> [UInt8]

    /// The memory that is handed over by it, rather than describing the handover.
    var extents: [Extent] { get }
    /// The release of the kernel that handed over.
    var writer: KernelString? { get }
    /// How many handovers there have been.
    var kexecCount: UInt32? { get }
    /// What it is, where subtrees are listed.
    var title: String { get }
    /// What `dump` says of it on a line before the subtrees, in columns.
    var cells: [ContentCell] { get }
    /// What `dump` lists after LUO's state, by what one of the entries is called.
    var list: ContentList? { get }
}

extension CodedSubtree {
    static var isAlwaysThere: Bool { false }
    static var shortcuts: [ObjectForm<HandoverState>.Member] { [] }
    static func writer(of blob: [UInt8]) -> KernelString? { nil }
    mutating func visitAllocations<Visitor: AllocationVisitor>(
        by planner: inout HandoverPlanner, _ visitor: inout Visitor
    ) {}
    var extents: [Extent] { [] }
    var writer: KernelString? { nil }
    var kexecCount: UInt32? { nil }
    var cells: [ContentCell] { [] }
    var list: ContentList? { nil }
}

extension CodedSubtree {
    /// The part of the state as a member of the document.
    static var member: ObjectForm<HandoverState>.Member {
        .ifKnown(key, { $0[Self.self] }, { $0[Self.self] = $1 }, ObjectCodec<Self>(), form.summary)
    }
}

/// What a subtree of any kind that is written in Swift says, as a part of the state.
struct AnySubtree: Hashable, Sendable {
    var content: any CodedSubtree

    static func == (left: Self, right: Self) -> Bool { left.content.isEqual(to: right.content) }

    func hash(into hasher: inout Hasher) { content.hash(into: &hasher) }
}

extension HandoverState {
    /// What the subtree of this kind says.
    subscript<Kind: CodedSubtree>(_ kind: Kind.Type) -> Kind? {
        get { coded[Kind.name]?.content as? Kind }
        set { coded[Kind.name] = newValue.map { AnySubtree(content: $0) } }
    }

    /// What the subtrees say whose kinds are written in Swift.
    private var codedContents: [any CodedSubtree] {
        ContentKinds.codedSubtrees.compactMap { coded[$0.name]?.content }
    }

    /// The release of the kernel that handed over, if the handover states it.
    public var writer: KernelString? { codedContents.lazy.compactMap(\.writer).first }

    /// How many handovers there have been, if the handover states it.
    var kexecCount: UInt32? { codedContents.lazy.compactMap(\.kexecCount).first }

    /// The memory that is handed over by subtrees.
    public var subtreeExtents: [Extent] { codedContents.flatMap(\.extents) }

    /// What the subtree of this name was found to be, if its kind is written in Swift.
    public func title(ofSubtree name: String) -> String? { coded[name]?.content.title }

    /// What `dump` says of subtrees: each on a line, in columns.
    public var subtreeCells: [[ContentCell]] { codedContents.map(\.cells).filter { !$0.isEmpty } }

    /// What `dump` lists of subtrees: by what one of the entries is called.
    public var subtreeLists: [ContentList] { codedContents.compactMap(\.list) }
}
