import FDT
import KernelABI

/// Reads handovers: from memory, starting at the root FDT, or as far as possible from bare blobs.
///
/// Reading terminates for any input: each structure is read once in each role, counts are checked against what a page
/// can hold, and no more bytes are copied than there is memory. Takes time and space at most linear in the size of the
/// available memory.
public struct HandoverReader: Sendable {
    private let context: ReadingContext
    private let generation: Generation?
    private let given: [Generation]?
    /// Looked up only when needed, as creating the generations takes a quarter of the start of a small dump.
    private var generations: [Generation] { given ?? Generation.known }

    /// - Parameters:
    ///   - memory: The memory to follow pointers in; ``EmptyMemory`` if there is none.
    ///   - pageSize: The page size of the kernel that wrote the handover.
    ///   - generation: The generation to read as; `nil` to detect it from the root.
    ///   - generations: The possible generations; `nil` for ``Generation/known``.
    ///   - kinds: The kinds of content to read.
    public init(
        memory: any PhysicalMemory, pageSize: PageSize, generation: Generation? = nil,
        among generations: [Generation]? = nil, kinds: ContentKinds = .standard
    ) {
        self.context = ReadingContext(memory: memory, pageSize: pageSize, kinds: kinds)
        self.generation = generation
        self.given = generations
    }

    /// The size in bytes of the largest root FDT that is read; a kernel's takes one page.
    private static let largestRoot = PageSize.kib64.bytes

    /// Reads the root FDT at `address`, and everything it refers to.
    ///
    /// - Throws: A ``Finding`` if there is no root FDT of a known generation.
    public func read(rootAt address: PhysicalAddress) throws(Finding) -> Reading {
        try read(root: try root(at: address), at: address, blobs: [:])
    }

    /// Reads a root FDT that is available as a blob.
    ///
    /// - Parameters:
    ///   - root: A root FDT that libfdt accepts.
    ///   - address: Its address in memory, if known.
    ///   - blobs: Subtrees that are available as blobs, by name; they are read instead of memory.
    public func read(
        root: FlattenedTree, at address: PhysicalAddress? = nil, blobs: [String: [UInt8]] = [:]
    ) throws(Finding) -> Reading {
        try read(root: root, isKernels: true, at: address, blobs: blobs)
    }

    /// - Parameter isKernels: Whether the root is a kernel's own, as opposed to one reconstructed from remains, for
    ///   which nothing missing is reported.
    func read(
        root: FlattenedTree, isKernels: Bool, at address: PhysicalAddress?, blobs: [String: [UInt8]]
    ) throws(Finding) -> Reading {
        var log = ReadingLog(context: context)
        let reader = RootReader(
            context: context, blobs: blobs, generation: generation, generations: generations, isKernels: isKernels)
        guard let state = reader.read(root, at: address, &log) else {
            throw log.findings.last
                ?? Finding(
                    .missing, of: .kho, at: Place("root FDT", at: address), found: "nothing", expected: "a handover")
        }
        return Reading(state, log)
    }

    /// Reads as much as possible of a root FDT that libfdt rejects: the one at the first of these addresses that has a
    /// known version.
    func read(damagedRootsAt candidates: [PhysicalAddress]) -> Reading? {
        for address in candidates {
            guard let bytes = context.memory.copy(at: address, count: context.pageSize.bytes) else { continue }
            guard case .damaged(let partial, let verdict) = InputTree(bytes).contents else { continue }
            let root = PartialRoot(partial, subtrees: [])
            guard root.compatible != nil, let rest = try? root.tree(compatible: nil),
                var reading = try? read(root: rest, isKernels: false, at: address, blobs: [:])
            else { continue }
            reading.state.kho?.fdtSize = root.statedSize
            reading.findings = root.findings(verdict: verdict) + reading.findings
            return reading
        }
        return nil
    }

    /// The root FDT at `address`.
    public func root(at address: PhysicalAddress) throws(Finding) -> FlattenedTree {
        let structure = "root FDT"
        let header = try context.read(structure, of: .kho, at: address, count: Header.size) { Header($0) }
        guard let header, header.magic == Header.magic else {
            throw Finding(
                .notATree, of: .kho, at: Place(structure, at: address), found: "no FDT there",
                expected: "the magic number \(Header.magic.prefixedHex)")
        }
        guard header.totalSize >= Header.size, header.totalSize <= Self.largestRoot else {
            throw Finding(
                .size, of: .kho, at: Place(structure, field: "totalsize", at: address.advanced(by: 4)),
                found: "\(header.totalSize)", expected: "\(Header.size) to \(Self.largestRoot)")
        }
        let tree = try context.read(structure, of: .kho, at: address, count: Int(header.totalSize)) { bytes in
            Result { () throws(FDTError) in try FlattenedTree(bytes: bytes) }
        }
        switch tree {
        case .success(let tree): return tree
        case .failure(let error):
            throw Finding(
                .notATree, of: .kho, at: Place(structure, at: address), found: error.description, expected: "an FDT")
        }
    }

    /// Reads a standalone page of FLB records.
    public func read(flbs page: [UInt8]) throws(Finding) -> Reading {
        guard let container = candidates.compactMap({ $0.luo?.flbs }).last else {
            throw Finding(
                .missing, of: .luo(), at: Place(FLBHeaderLayout.layout.structure), found: "a generation without FLBs",
                expected: "another one")
        }
        // The page gets an arbitrary address, which is never shown, for the reader to start at.
        var memory = SparseMemory(pageSize: context.pageSize.bytes)
        let address = PhysicalAddress(UInt64(context.pageSize.bytes))
        do throws(MemoryError) {
            let whole = (page.count + context.pageSize.bytes - 1) / context.pageSize.bytes * context.pageSize.bytes
            try memory.write(page + [UInt8](repeating: 0, count: whole - page.count), at: address)
        } catch {
            throw context.unreadable(container.record.structure.name, of: .luo(), at: address, count: page.count, error)
        }
        let local = ReadingContext(memory: memory, pageSize: context.pageSize, kinds: context.kinds)
        var log = ReadingLog(context: local)
        var luo = LUOState()
        FLBReader(context: local, container: container, generation: generation).read(at: address, into: &luo, &log)
        luo.flbAddress = nil
        var state = HandoverState()
        state.generation = generation
        state.pageSize = context.pageSize
        state.luo = luo
        return Reading(state, log)
    }

    private var candidates: [Generation] { generation.map { [$0] } ?? generations.filter(\.isReleased) }

    /// Reads a standalone blob of the subtree with this name, as the newest generation that recognises it.
    public func read(subtree name: String, _ blob: [UInt8]) throws(Finding) -> Reading {
        var refused: (reading: Reading, isKnown: Bool)?
        for generation in candidates.reversed() where generation.subtrees.contains(name) {
            var log = ReadingLog(context: context)
            var state = HandoverState()
            state.pageSize = context.pageSize
            let reader = RootReader(
                context: context, blobs: [:], generation: generation, generations: generations, isKernels: true)
            let isKnown = reader.readKnown(name, blob, at: nil, generation, into: &state, &log)
            // Only LUO's state differs between generations.
            state.generation = state.luo != nil ? generation : self.generation
            let reading = Reading(state, log)
            if isKnown, !reading.isDamaged { return reading }
            // If all readings are damaged, the one that got further tells more.
            if refused == nil || (isKnown && refused?.isKnown == false) { refused = (reading, isKnown) }
        }
        guard let refused, refused.isKnown else {
            throw refused?.reading.findings.first
                ?? Finding(
                    .missing, of: .kho, at: Place("subtree"), found: "a generation without it", expected: "another one")
        }
        return refused.reading
    }
}

/// Empty memory, for bare blobs.
public struct EmptyMemory: PhysicalMemory {
    public init() {}

    public var regions: [Range<PhysicalAddress>] { [] }

    public func withBytes<Result>(
        at address: PhysicalAddress, count: Int, _ body: (RawSpan) -> Result
    ) throws(MemoryError) -> Result {
        throw .notAvailable(address: address, count: count)
    }
}
