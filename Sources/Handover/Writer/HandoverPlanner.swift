import KernelABI

/// Completes the description of a handover: fills in missing values, as the kernel would, and assigns addresses.
///
/// Given addresses are kept. Others are assigned from the base upwards, in this order: the root FDT; the subtrees'
/// blobs in registration order; the page of FLBs; the array or blocks of sessions; for each session, the array or
/// blocks of its files, and for each file what its handle points to: the descriptor, the contents, the chunks and the
/// pages of the list of folios; what other subtrees refer to; and finally the map of preserved memory, which depends on
/// all others, with the root first and tables before what is below them. Each is aligned to its own size if the kernel
/// allocates it as one block, else to a page.
public struct HandoverPlanner {
    public struct Options: Sendable {
        /// The start of assigned addresses.
        public var base = PhysicalAddress(0x1000_0000)
        /// Whether to accept what no kernel would write, as far as it can be represented.
        public var force = false
        /// The known kinds of content.
        public var kinds = ContentKinds.standard

        public init() {}
    }

    let options: Options
    let generation: Generation
    let pageSize: PageSize
    var problems: [DocumentError] = []
    var canBeForced = true
    var space: AddressSpace
    /// Returns the size of contents that are in a separate file.
    let sizeOfFile: (String) throws(FileError) -> UInt64

    /// Completes `state`.
    ///
    /// - Parameters:
    ///   - state: The state from a document; missing values are decided here.
    ///   - options: Where to allocate memory, and whether to allow what no kernel would write.
    ///   - sizeOfFile: Returns the size in bytes of the file that a `content` names.
    /// - Throws: All problems of the document.
    public static func plan(
        _ state: consuming HandoverState, options: Options = Options(),
        sizeOfFile: @escaping (String) throws(FileError) -> UInt64
    ) throws(PlanError) -> HandoverState {
        let kernel = state.kernel ?? Generation.latest.newestRelease
        if state.kernel == nil { state.kernel = kernel }
        guard let generation = state.generation else {
            throw PlanError(
                problems: [DocumentError(path: ".kernel", problem: "unknown kernel \"\(kernel)\"")],
                canBeForced: false)
        }
        let pageSize = state.pageSize ?? .kib4
        var planner = HandoverPlanner(
            options: options, generation: generation, pageSize: pageSize,
            space: AddressSpace(base: options.base), sizeOfFile: sizeOfFile)
        state.pageSize = pageSize
        planner.complete(&state)
        guard planner.problems.isEmpty || (options.force && planner.canBeForced) else {
            throw PlanError(problems: planner.problems, canBeForced: planner.canBeForced)
        }
        return state
    }

    private mutating func complete(_ state: inout HandoverState) {
        state.machine = state.machine ?? (pageSize == .kib4 ? .x86_64 : .aarch64)
        if state.machine == .x86_64, pageSize != .kib4 {
            reportForceable(.root["page_size"], "kernels of x86_64 have pages of 4096 bytes")
        }
        completeSubtrees(&state)
        completeLUO(&state)
        let known = state
        for kind in ContentKinds.codedSubtrees { state.coded[kind.name]?.content.complete(in: known, by: &self) }
        checkMap(state.preserved?.map)
        guard problems.isEmpty || (options.force && canBeForced) else { return }

        // Claim given addresses, then assign the rest.
        let sizes = FolioSizes(preserved: state.preserved, pageSize: pageSize)
        var claimer = AddressClaimer()
        visitAll(of: &state, sizes, &claimer)
        for range in state.preserved?.ranges ?? [] where state.preserved?.map == nil {
            space.avoid(range.lowerBound.rawValue..<range.upperBound.rawValue)
        }
        let overlaps = space.settle()
        if !overlaps.isEmpty { report(overlaps, of: &state, sizes) }
        var assigner = AddressAssigner()
        visitAllocations(of: &state, sizes, &assigner)
        guard problems.isEmpty || (options.force && canBeForced) else { return }
        completeMap(&state, assigner.blocks)
        checkSizes(of: state)
    }

    // MARK: - Problems

    /// Reports something that no kernel would write but that can be built.
    mutating func reportForceable(_ path: DocumentPath, _ problem: String) {
        add(path, problem)
    }

    /// Reports something that cannot be built.
    mutating func reportUnbuildable(_ path: DocumentPath, _ problem: String) {
        canBeForced = false
        add(path, problem)
    }

    private mutating func add(_ path: DocumentPath, _ problem: String) {
        guard problems.count < 100 else { return }
        let error = DocumentError(path: path.text, problem: problem)
        // Allocations are visited more than once.
        if !problems.contains(error) { problems.append(error) }
    }

    // MARK: - Addresses

    /// Visits every allocation, including those of a given map.
    private mutating func visitAll<Visitor: AllocationVisitor>(
        of state: inout HandoverState, _ sizes: FolioSizes, _ visitor: inout Visitor
    ) {
        visitAllocations(of: &state, sizes, &visitor)
        visitMap(of: &state, &visitor)
        if state.preserved?.map == nil {
            var map = state.kho?.preservedMemoryMap
            visitor.visit(&map, .mapPage(pageSize), .root["kho"]["preserved_memory_map"], by: &self)
        }
    }

    /// Reports overlapping claims; looks up their document paths.
    private mutating func report(_ overlaps: [(Int, Int)], of state: inout HandoverState, _ sizes: FolioSizes) {
        var finder = ClaimFinder(claims: Set(overlaps.flatMap { [$0.0, $0.1] }))
        visitAll(of: &state, sizes, &finder)
        for (first, second) in overlaps {
            guard let path = finder.paths[second], let other = finder.paths[first] else { continue }
            reportForceable(
                path,
                "\(space.claims[second].lowerBound.prefixedHex) overlaps \(other.text) at "
                    + space.claims[first].lowerBound.prefixedHex)
        }
    }
}
