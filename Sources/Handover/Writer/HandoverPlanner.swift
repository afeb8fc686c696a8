import KernelABI

/// Completes the description of a handover: fills in what is not given, as the kernel would, and assigns addresses.
///
/// Addresses that are given are kept. Those that are not are assigned from the base upwards, in this order: the root
/// FDT; the subtrees' blobs in the order of their registration; the page of FLBs; the sessions' array or blocks; then
/// for each session the array or blocks of its files, and for each file what its handle leads to: the descriptor, the
/// contents, the chunks and the pages of the list of folios; what other subtrees lead to; and last the map of preserved
/// memory, for which all others have to be known, the root first and tables before what is below them. Each is aligned
/// to its own size where the kernel allocates it as one block, else to a page.
public struct HandoverPlanner {
    public struct Options: Sendable {
        /// Where assigned addresses begin.
        public var base = PhysicalAddress(0x1000_0000)
        /// Whether to plan what no kernel would write, as far as it can be represented.
        public var force = false
        /// The kinds of content that payloads may be of.
        public var kinds = ContentKinds.standard

        public init() {}
    }

    let options: Options
    let generation: Generation
    let pageSize: PageSize
    var problems: [DocumentError] = []
    var canBeForced = true
    var space: AddressSpace
    /// Measures the contents of a file that are not given in the document itself.
    let sizeOfFile: (String) throws(FileError) -> UInt64

    /// Completes `state`.
    ///
    /// - Parameters:
    ///   - state: what a document says; what it leaves open is decided here.
    ///   - options: where memory may be taken, and whether to allow what no kernel would write.
    ///   - sizeOfFile: the size in bytes of the file that a `content` names.
    /// - Throws: all that is wrong with it.
    public static func plan(
        _ state: consuming HandoverState, options: Options = Options(),
        sizeOfFile: @escaping (String) throws(FileError) -> UInt64
    ) throws(PlanError) -> HandoverState {
        let kernel = state.kernel ?? Generation.latest.newestRelease
        if state.kernel == nil { state.kernel = kernel }
        guard let generation = state.generation else {
            throw PlanError(
                problems: [DocumentError(path: ".kernel", problem: "no kernel \"\(kernel)\" is known here")],
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

        // Claim what is given, then assign the rest.
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

    /// Notes what no kernel would write, but could be built.
    mutating func reportForceable(_ path: DocumentPath, _ problem: String) {
        add(path, problem)
    }

    /// Notes what cannot be built.
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

    /// Visits every allocation, those of a map that is given as well.
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

    /// Says which of the addresses that were claimed overlap, and finds out for that where they stand.
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
