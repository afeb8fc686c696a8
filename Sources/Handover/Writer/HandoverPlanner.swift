import KernelABI

/// Completes the description of a handover: fills in what is not given, as the kernel would, and assigns addresses.
///
/// Addresses that are given are kept. Those that are not are assigned from the base upwards, in this order: the root
/// FDT; the subtrees' blobs in the order of their registration; the page of FLBs; the sessions' array or blocks; then
/// for each session the array or blocks of its files, and for each memfd its descriptor, its contents, the chunks and
/// the pages of its list of folios; the `reserve_mem` regions; and last the map of preserved memory, for which all
/// others have to be known, the root first and tables before what is below them. Each is aligned to its own size
/// where the kernel allocates it as one block, else to a page.
public struct HandoverPlanner {
    public struct Options: Sendable {
        /// Where assigned addresses begin.
        public var base = PhysicalAddress(0x1000_0000)
        /// Whether to plan what no kernel would write, as far as it can be represented.
        public var force = false

        public init() {}
    }

    let options: Options
    let generation: Generation
    let pageSize: PageSize
    var problems: [DocumentError] = []
    var canBeForced = true
    var space: AddressSpace
    /// Measures the contents of a memfd that are not given in the document itself.
    let sizeOfFile: (String) throws(FileError) -> UInt64

    /// Completes `state`.
    ///
    /// - Parameters:
    ///   - sizeOfFile: the size in bytes of the file that a memfd's `content` names.
    /// - Throws: all that is wrong with it.
    public static func plan(
        _ state: consuming HandoverState, options: Options = Options(),
        sizeOfFile: @escaping (String) throws(FileError) -> UInt64
    ) throws(PlanError) -> HandoverState {
        let kernel = state.kernel ?? Generation.latest.releases.last ?? Generation.latest.name
        guard let generation = Generation(release: kernel) else {
            throw PlanError(
                problems: [DocumentError(path: ".kernel", problem: "no kernel \"\(kernel)\" is known here")],
                canBeForced: false)
        }
        guard let pageSize = PageSize(rawValue: state.pageSize) else {
            throw PlanError(
                problems: [DocumentError(path: ".page_size", problem: "\(state.pageSize) is no page size")],
                canBeForced: false)
        }
        var planner = HandoverPlanner(
            options: options, generation: generation, pageSize: pageSize,
            space: AddressSpace(base: options.base), sizeOfFile: sizeOfFile)
        state.kernel = kernel
        planner.complete(&state)
        guard planner.problems.isEmpty || (options.force && planner.canBeForced) else {
            throw PlanError(problems: planner.problems, canBeForced: planner.canBeForced)
        }
        return state
    }

    private mutating func complete(_ state: inout HandoverState) {
        state.machine = state.machine ?? (pageSize == .kib4 ? .x86_64 : .aarch64)
        completeSubtrees(&state)
        completeLUO(&state)
        completeMemblock(&state)
        guard problems.isEmpty || (options.force && canBeForced) else { return }

        // Claim what is given, then assign the rest.
        let sizes = FolioSizes(preserved: state.preserved, pageSize: pageSize)
        visitAllocations(of: &state, sizes) { planner, address, allocation in
            guard let given = address else { return }
            planner.claim(given, allocation)
        }
        for range in state.preserved?.ranges ?? [] where state.preserved?.map == nil {
            space.avoid(range.lowerBound.rawValue..<range.upperBound.rawValue)
        }
        visitMap(of: &state) { planner, address, allocation in
            if let given = address { planner.claim(given, allocation) }
        }
        if state.preserved?.map == nil, let map = state.kho?.preservedMemoryMap {
            claim(map, .mapPage(pageSize, .root["kho"]["preserved_memory_map"]))
        }
        for (first, second) in space.settle() {
            forcible(
                second.path, "0x\(String(second.range.lowerBound, radix: 16)) overlaps \(first.path.text) at "
                    + "0x\(String(first.range.lowerBound, radix: 16))")
        }
        var blocks: [PageBlock] = []
        visitAllocations(of: &state, sizes) { planner, address, allocation in
            if address == nil { address = planner.assign(allocation) }
            if let address { planner.addBlocks(of: address, allocation, to: &blocks) }
        }
        guard problems.isEmpty || (options.force && canBeForced) else { return }
        completeMap(&state, blocks)
    }

    // MARK: - Problems

    /// Notes what no kernel would write, but could be built.
    mutating func forcible(_ path: DocumentPath, _ problem: String) {
        add(path, problem)
    }

    /// Notes what cannot be built.
    mutating func impossible(_ path: DocumentPath, _ problem: String) {
        canBeForced = false
        add(path, problem)
    }

    private mutating func add(_ path: DocumentPath, _ problem: String) {
        guard problems.count < 100 else { return }
        problems.append(DocumentError(path: path.text, problem: problem))
    }

    // MARK: - Addresses

    /// Whether an address that is given is a page's, as the kernel's structures need it.
    private mutating func claim(_ address: PhysicalAddress, _ allocation: Allocation) {
        if address.rawValue & (allocation.alignment - 1) != 0 {
            forcible(
                allocation.path,
                "\(address) is not aligned: the kernel allocates this at a multiple of 0x\(String(allocation.alignment, radix: 16))"
            )
        }
        let (end, overflow) = address.rawValue.addingReportingOverflow(allocation.byteCount)
        guard !overflow else {
            impossible(allocation.path, "\(address) and \(allocation.byteCount) bytes reach beyond the address space")
            return
        }
        space.claim(address.rawValue..<end, allocation.path)
    }

    mutating func assign(_ allocation: Allocation) -> PhysicalAddress? {
        if let address = space.assign(byteCount: allocation.byteCount, alignment: allocation.alignment) {
            return address
        }
        impossible(allocation.path, "there is no room for \(allocation.byteCount) bytes above \(options.base)")
        return nil
    }

    private func addBlocks(of address: PhysicalAddress, _ allocation: Allocation, to blocks: inout [PageBlock]) {
        switch allocation.preservation {
        case .none: break
        case .folio(let order): blocks.append(PageBlock(address: address, order: order))
        case .pages:
            let first = address.rawValue >> UInt64(pageSize.shift)
            let count = allocation.preservedByteCount >> UInt64(pageSize.shift)
            blocks += PageBlock.blocks(covering: first..<first + count, pageSize: pageSize)
        }
    }
}
