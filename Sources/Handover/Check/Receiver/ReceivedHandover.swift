import FDT
import KernelABI

/// A handover as the receiving kernel sees it.
///
/// Contains what the readers find when reading as that kernel's generation, and the root FDT as libfdt presents it to
/// the kernel. Rules determine the consequences.
struct ReceivedHandover: Sendable {
    let subject: CheckSubject
    let options: HandoverCheck.Options
    /// The receiving kernel's generation.
    let generation: Generation
    /// `nil` if the input has no root FDT.
    let tree: ReceivedTree?
    /// Whether the kernel accepts the root as a handover at all.
    let isPopulated: Bool
    /// Empty if the kernel reads only the root.
    let reading: Reading
    let handlers: Handlers
    /// The blocks that the kernel can restore from the map of preserved memory; `nil` if the map is unknown.
    let preserved: PreservedBlocks?
    let folioSizes: FolioSizes
    /// The memory that is handed over.
    let contents: [Extent]
    /// What the kernel retrieves of the contents implemented in Swift, by type.
    private let retrieved: [ObjectIdentifier: any Sendable]
    /// The contents of the files with described kinds.
    let describedFiles: [Owner: FileContents]
    /// The payloads whose kinds have rules.
    let payloads: [ReceivedPayload]
    /// The handlers of the files in which the readers found damage.
    private let damagedFiles: [Owner: KernelString]
    /// Whether the file with the memory is itself truncated or damaged.
    private let inputIsDamaged: Bool
    private let incomplete: Set<Owner>

    var memory: any PhysicalMemory { subject.memory }
    var pageSize: PageSize { subject.pageSize }
    var state: HandoverState { reading.state }
    var luo: LUOState? { reading.state.luo }
    /// The names and layouts of LUO's state; `nil` for a kernel without LUO.
    var abi: Generation.LUOState? { generation.luo }
    var sessions: [SessionState] { luo?.sessions ?? [] }

    init(_ subject: CheckSubject, generation: Generation, options: HandoverCheck.Options) {
        self.subject = subject
        self.options = options
        self.generation = generation
        let tree = subject.root.map { ReceivedTree($0, at: subject.rootAddress, generation.root) }
        self.tree = tree
        let root = tree?.root
        isPopulated =
            tree?.refusal == nil && !subject.isMisplaced(subject.rootAddress)
            && root?.isCompatible(with: generation.root.compatible) ?? false
            // Before a kexec, the address may not have been written yet.
            && (root?.number(generation.root.mapProperty)).map { $0 != 0 || subject.side == .outgoing } ?? false
        let reading =
            tree == nil || isPopulated ? subject.reading(as: generation) : nil
        self.reading = reading ?? Reading(state: HandoverState(), extents: [], findings: [])
        handlers = Handlers(generation, others: options.handlers)
        folioSizes = FolioSizes(preserved: reading?.state.preserved, pageSize: subject.pageSize)
        contents = reading?.state.contentsExtents ?? []
        let luo = reading?.state.luo
        var files: [Owner: FileContents] = [:]
        for session in luo?.sessions ?? [] {
            session.files?.forEachPayload { _, file, payload in
                files[.file(session: session.name, token: file.token)] = payload.fileContents
            }
        }
        describedFiles = files
        retrieved = Dictionary(
            uniqueKeysWithValues: ContentKinds.coded.map { ($0.identifier, $0.anyReceived(in: luo, generation)) })
        let damaged = Set(self.reading.findings.lazy.filter { $0.severity == .damage }.map(\.owner))
        payloads = ReceivedPayload.all(of: self.reading.state, subject.kinds, damaged)
        damagedFiles = Self.handlers(of: damaged, self.reading.state.luo)
        let inputIsDamaged = self.reading.isInputDamaged
        // If the input has only part of the map, it is unknown what else is preserved.
        let isMapOpen = self.reading.findings.contains { $0.owner.isMap && $0.isOfTheInput(inputIsDamaged) }
        preserved =
            isMapOpen ? nil : reading?.state.preserved.flatMap { PreservedBlocks($0, pageSize: subject.pageSize) }
        self.inputIsDamaged = inputIsDamaged
        incomplete = Set(self.reading.findings.lazy.filter { $0.isOfTheInput(inputIsDamaged) }.map(\.owner))
    }

    /// Whether a finding is about what the input lacks, not about a fault in the handover.
    func isOfTheInput(_ finding: Finding) -> Bool { finding.isOfTheInput(inputIsDamaged) }

    /// Whether the input lacks part of what the owner has, so that its consistency cannot be checked.
    func isIncomplete(_ owner: Owner) -> Bool { incomplete.contains(owner) }

    /// Reports an address at which no machine has memory, if the input has no memory to check.
    func reportIfNowhere(
        _ address: PhysicalAddress, of owner: Owner, at place: Place, _ findings: inout RuleFindings
    ) {
        // With memory, the readers have already checked it.
        guard memory.regions.isEmpty, address.rawValue == 0 || address >= subject.memoryEnd else { return }
        findings.report(
            .outOfRange, of: owner, at: place, found: "an address of \(address)",
            expected: "an address below \(subject.memoryEnd), the end of a machine's memory")
    }

    /// What the kernel retrieves of contents of this type.
    func received<Coded: CodedContent>(_ type: Coded.Type) -> [Coded.Received] {
        retrieved[type.identifier] as? [Coded.Received] ?? []
    }

    private static func handlers(of owners: Set<Owner>, _ luo: LUOState?) -> [Owner: KernelString] {
        var handlers: [Owner: KernelString] = [:]
        guard owners.contains(where: \.isFile) else { return handlers }
        for session in luo?.sessions ?? [] {
            for file in session.files ?? [] {
                let owner = Owner.file(session: session.name, token: file.token)
                if owners.contains(owner) { handlers[owner] = file.compatible }
            }
        }
        return handlers
    }

    /// The possible kinds of an owner's payload.
    func kinds(of owner: Owner) -> [DescribedKind] {
        let name: (KernelString, ContentPlace)? =
            switch owner {
            case .flb(let name): (name, .flb)
            case .subtree(let name): (KernelString(name), .subtree)
            case .file: damagedFiles[owner].map { ($0, .file) }
            default: nil
            }
        guard let (name, place) = name else { return [] }
        return subject.kinds.candidates(named: name, at: place, generation).compactMap { $0 as? DescribedKind }
    }

    /// The root FDT.
    var rootPlace: Place { Place(Place.rootName, at: subject.rootAddress) }

    /// The node of a subtree that the kernel finds by name.
    func subtree(_ name: String) -> ReceivedTree.Node? {
        isPopulated ? tree?.root?.child(name) : nil
    }

    /// The address of LUO's state.
    var luoAddress: PhysicalAddress? {
        guard let name = generation.luo?.subtree else { return nil }
        return state.kho?.subtrees?.first { $0.name == KernelString(name) }?.address
    }
}

extension CheckSubject {
    /// Whether libfdt rejects an FDT at this address. C: `fdt_check_header`.
    func isMisplaced(_ address: PhysicalAddress?) -> Bool { address.map { $0.rawValue % 8 != 0 } ?? false }
}

/// The file handlers that a kernel has.
struct Handlers: Sendable {
    private let all: [KernelString]

    init(_ generation: Generation, others: Set<String>) {
        all = generation.fileHandlers.map { KernelString($0.compatible) } + others.sorted().map { KernelString($0) }
    }

    func contains(_ name: KernelString) -> Bool { all.contains(name) }

    var names: String { all.map(\.quoted).joined(separator: ", ") }
}

/// What a kernel can restore from the map of preserved memory.
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

    /// The order of the block that begins at `address`; `nil` if there is none, so that it cannot be restored.
    ///
    /// The kernel stores the order in the block's first page, and processes smaller blocks after larger ones: the last
    /// one wins. C: `kho_preserved_memory_reserve`.
    func order(at address: PhysicalAddress, pageSize: PageSize) -> Int? {
        for order in orders {
            let shift = UInt64(order + pageSize.shift)
            guard shift >= 64 || address.rawValue & ((1 << shift) - 1) == 0 else { continue }
            if index.contains(PageBlock(address: address, order: order)) { return order }
        }
        return nil
    }
}
