import FDT
import KernelABI

/// A subtree of the root FDT that is implemented in Swift: the contents of its blob are a part of the state, with its
/// own key in documents. Defaults are for a blob that refers to no memory.
protocol CodedSubtree: DocumentObject {
    /// The name of the subtree.
    static var name: String { get }
    /// The key in documents.
    static var key: String { get }
    /// Whether a kernel that knows the subtree always creates it.
    static var isAlwaysThere: Bool { get }
    /// The structure of the blob.
    static var blobForm: Extent.Form { get }
    /// How to recognise a standalone blob.
    static var inputKind: InputKind { get }
    /// The rules that check it.
    static var rules: [CheckRule] { get }
    /// Shortcuts for its members in documents.
    static var shortcuts: [ObjectForm<HandoverState>.Member] { get }

    /// Reads the blob; `nil`, with a finding in the log, if nothing in it can be read.
    static func read(
        _ blob: [UInt8], at address: PhysicalAddress?, _ generation: Generation, _ log: inout ReadingLog
    ) -> Self?
    /// The release of the kernel that wrote the blob, as stated in it; read before the generation is known.
    static func writer(of blob: [UInt8]) -> KernelString?

    /// Fills in missing values, as the kernel would; reports to the planner what no kernel would write.
    mutating func complete(in state: HandoverState, by planner: inout HandoverPlanner)
    /// Visits every allocation that the blob refers to, in assignment order.
    mutating func visitAllocations<Visitor: AllocationVisitor>(
        by planner: inout HandoverPlanner, _ visitor: inout Visitor)
    /// The blob, after completion by the planner.
    func blob(_ generation: Generation, _ pageSize: PageSize) throws(FDTError) -> [UInt8]

    /// Memory that it hands over, as opposed to memory that describes the handover.
    var extents: [Extent] { get }
    /// The release of the kernel that handed over.
    var writer: KernelString? { get }
    /// The number of handovers so far.
    var kexecCount: UInt32? { get }
    /// Its description in lists of subtrees.
    var title: String { get }
    /// What `dump` shows about it in a line before the subtrees, in columns.
    var cells: [ContentCell] { get }
    /// What `dump` lists after LUO's state.
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
    /// This part of the state as a member of the document.
    static var member: ObjectForm<HandoverState>.Member {
        .ifKnown(key, { $0[Self.self] }, { $0[Self.self] = $1 }, ObjectCodec<Self>(), form.summary)
    }
}

/// The contents of a subtree of any kind implemented in Swift, as a part of the state.
struct AnySubtree: Hashable, Sendable {
    var content: any CodedSubtree

    static func == (left: Self, right: Self) -> Bool { left.content.isEqual(to: right.content) }

    func hash(into hasher: inout Hasher) { content.hash(into: &hasher) }
}

extension HandoverState {
    /// The contents of the subtree of this kind.
    subscript<Kind: CodedSubtree>(_ kind: Kind.Type) -> Kind? {
        get { coded[Kind.name]?.content as? Kind }
        set { coded[Kind.name] = newValue.map { AnySubtree(content: $0) } }
    }

    /// The contents of the subtrees whose kinds are implemented in Swift.
    private var codedContents: [any CodedSubtree] {
        ContentKinds.codedSubtrees.compactMap { coded[$0.name]?.content }
    }

    /// The release of the kernel that handed over, if the handover states it.
    public var writer: KernelString? { codedContents.lazy.compactMap(\.writer).first }

    /// The number of handovers so far, if the handover states it.
    var kexecCount: UInt32? { codedContents.lazy.compactMap(\.kexecCount).first }

    /// The memory handed over by subtrees.
    public var subtreeExtents: [Extent] { codedContents.flatMap(\.extents) }

    /// The description of the subtree with this name, if its kind is implemented in Swift.
    public func title(ofSubtree name: String) -> String? { coded[name]?.content.title }

    /// What `dump` shows about subtrees: one line each, in columns.
    public var subtreeCells: [[ContentCell]] { codedContents.map(\.cells).filter { !$0.isEmpty } }

    /// What `dump` lists for subtrees.
    public var subtreeLists: [ContentList] { codedContents.compactMap(\.list) }
}
