import FDT
import KernelABI

/// A handover with the eyes of the kernel that is to take it over: what it looks at, in its order, as it does.
///
/// Rules say what follows. Other than the readers, which make the best of what is there, this stops where the kernel
/// would; both read the same memory.
struct ReceivedHandover: Sendable {
    let subject: CheckSubject
    let options: HandoverCheck.Options
    /// The receiving kernel's.
    let generation: Generation
    let context: ReadingContext
    let tree: ReceivedTree
    let handlers: Handlers
    /// The blocks that the kernel can take back from the map of preserved memory; `nil` where the map is not known.
    let preserved: PreservedBlocks?
    let folioSizes: FolioSizes
    /// The memory that is handed over, as the readers have it.
    let contents: [Extent]
    let subtrees: [ReceivedSubtree]
    private let state: Deferred<ReceivedLUO?>

    /// Whether the kernel takes the root for a handover at all.
    let isPopulated: Bool

    /// - Parameter inBackground: whether to read LUO's state on another processor.
    init(_ subject: CheckSubject, generation: Generation, options: HandoverCheck.Options, inBackground: Bool) {
        self.subject = subject
        self.options = options
        self.generation = generation
        context = ReadingContext(memory: subject.memory, pageSize: subject.pageSize)
        tree = ReceivedTree(subject.root, at: subject.rootAddress, generation.root)
        handlers = Handlers(generation, others: options.handlers, context)
        let root = tree.root
        isPopulated =
            tree.headerVerdict == nil && root?.isCompatible(with: generation.root.compatible) ?? false
            && root?.number(generation.root.mapProperty) ?? 0 != 0
        subtrees = isPopulated ? root?.children.map { ReceivedSubtree($0, generation.root) } ?? [] : []
        state = Deferred(inBackground: inBackground) { [subtrees, handlers, context] in
            guard let abi = generation.luo, let subtree = subtrees.first(where: { $0.isNamed(abi.subtree) }),
                let address = subtree.address, subtree.isComplete
            else { return nil }
            return ReceivedLUO(
                at: address, size: subtree.size, blob: subject.blobs[abi.subtree], abi, context, handlers: handlers)
        }
        folioSizes = FolioSizes(preserved: subject.reading?.state.preserved, pageSize: subject.pageSize)
        contents = subject.reading?.state.contentsExtents ?? []
        preserved = subject.reading?.state.preserved.flatMap { PreservedBlocks($0, pageSize: subject.pageSize) }
    }

    /// LUO's state; `nil` where the kernel finds none.
    ///
    /// It may be read while rules are held against the rest: those that ask for it wait.
    var luo: ReceivedLUO? { state.value }

    /// The subtree that the kernel finds by its name.
    func subtree(_ name: String) -> ReceivedSubtree? {
        subtrees.first { $0.isNamed(name) }
    }

    /// The bytes of a subtree, or as many as `limit`; `nil` where they are not at hand.
    func blob(of subtree: ReceivedSubtree, limit: Int) -> [UInt8]? {
        if let blob = subject.blobs[subtree.name] { return blob }
        guard let address = subtree.address else { return nil }
        let size = Int(clamping: subtree.size ?? UInt64(limit))
        return context.memory.copy(at: address, count: min(size, limit))
            ?? context.memory.copy(at: address, count: min(size, context.pageSize.bytes))
    }

    var sessions: [ReceivedSession] { luo?.sessions ?? [] }
}

/// A subtree's node as a kernel reads it: `kho_retrieve_subtree`.
struct ReceivedSubtree: Sendable {
    let name: String
    let node: ReceivedTree.Node
    let address: PhysicalAddress?
    let size: UInt64?
    /// Whether all that the kernel asks for is there.
    let isComplete: Bool

    init(_ node: ReceivedTree.Node, _ abi: Generation.RootTree) {
        name = node.name
        self.node = node
        address = node.number(abi.addressProperty).map(PhysicalAddress.init(_:))
        size = abi.sizeProperty.flatMap { node.number($0) }
        isComplete = address != nil && (abi.sizeProperty == nil || size != nil)
    }

    func isNamed(_ name: String) -> Bool {
        self.name == name || self.name.hasPrefix(name + "@")
    }
}

/// What a kernel can take back from the map of preserved memory.
struct PreservedBlocks: Sendable {
    private let index: PreservedIndex
    private let orders: [Int]
    let summary: PreservedSummary

    init?(_ state: PreservedState, pageSize: PageSize) {
        guard state.map != nil else { return nil }
        index = PreservedIndex(state, pageSize: pageSize)
        summary = state.summary(pageSize: pageSize)
        orders = summary.blocksByOrder.keys.sorted()
    }

    /// The order of the block that begins at `address`; `nil` where none does, and it cannot be restored.
    ///
    /// The kernel notes the order in the block's first page, and smaller blocks after larger ones: the last one
    /// stays. C: `kho_preserved_memory_reserve`.
    func order(at address: PhysicalAddress, pageSize: PageSize) -> Int? {
        for order in orders {
            let shift = UInt64(order + pageSize.shift)
            guard shift >= 64 || address.rawValue & ((1 << shift) - 1) == 0 else { continue }
            if index.contains(PageBlock(address: address, order: order)) { return order }
        }
        return nil
    }
}
