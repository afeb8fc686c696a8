import FDT
import KernelABI

/// A handover with its memory, as written to a file.
public struct Capture: Sendable {
    public let state: HandoverState
    /// Handovers found by a search, which are kept with it.
    public let found: [HandoverState]
    /// The pieces of memory to keep. All of ``memory`` is in one of them.
    public let extents: [Extent]
    /// The memory of the extents only.
    public let memory: any PhysicalMemory
    /// Handed-over memory that is not kept although the image has it: ascending, disjoint.
    public let leftBehind: [Range<PhysicalAddress>]
    /// Pieces that were read as part of the description but are not kept, each with the reason: see
    /// ``init(of:in:contents:found:)``.
    public let withheld: [(extent: Extent, reason: String)]
    /// Handed-over memory that should be kept but that the image lacks: ascending, disjoint.
    public let missing: [Range<PhysicalAddress>]
    /// The pieces of ``extents`` that the image has but that cannot be read.
    public let unreadable: [Extent]

    /// A handover that was built, with all of its memory.
    public init(_ image: HandoverImage) {
        self.init(image.state, extents: image.extents, memory: image.memory)
    }

    /// A handover in memory that contains nothing else.
    public init(_ state: HandoverState, extents: [Extent], memory: any PhysicalMemory) {
        self.state = state
        let pages = extents.pages(of: state.statedPageSize)
        self.extents = extents + Extent.ofUnknownUse(memory.regions.flatMap { $0.pieces(notIn: pages) })
        self.memory = memory
        found = []
        leftBehind = []
        withheld = []
        missing = []
        unreadable = []
    }

    /// The part of a memory image that a handover needs.
    ///
    /// Without contents, nothing that is handed over is kept. As a damaged pointer may lead anywhere, what does not
    /// look like part of the description is withheld.
    ///
    /// - Parameters:
    ///   - reading: The handover.
    ///   - memory: The memory that it was read from.
    ///   - contents: Whether to keep all preserved memory, including the contents of files and of regions, rather than
    ///     only the description.
    ///   - found: Further handovers that a search found in the same memory.
    public init(of reading: Reading, in memory: any PhysicalMemory, contents: Bool, found: [Reading] = []) {
        var state = reading.state
        // Nothing that is kept tells which of several page sizes is right.
        if !reading.alternatives.isEmpty { state.pageSize = nil }
        self.state = state
        let pageSize = reading.state.pageSize ?? .kib64
        self.found = found.map(\.state)
        let readings = [reading] + reading.alternatives + found
        let structures = readings.flatMap(\.extents)
        let description = structures.pages(of: pageSize)
        let known = readings.flatMap(\.state.contentsExtents)
        let preserved = readings.flatMap { $0.state.preserved?.ranges ?? [] }
        let handedOver = (known.pages(of: pageSize) + preserved).merged().flatMap { $0.pieces(notIn: description) }
        let regions = memory.regions
        let leftOut = readings.flatMap { $0.pagesNotAtHand(of: pageSize) }
        guard contents else {
            let disclosure = Disclosure(of: reading, in: memory, found: found)
            let judged = structures.map { (extent: $0, reason: disclosure.objection(to: $0)) }
            extents = judged.filter { $0.reason == nil }.map(\.extent)
            withheld = judged.compactMap { piece in piece.reason.map { (piece.extent, $0) } }
            leftBehind = intersect(handedOver, regions)
            missing = []
            // What cannot be read is already withheld.
            unreadable = []
            self.memory = MemoryPart(
                of: memory, pageSize: pageSize, ranges: extents.map(\.range),
                leftOut: leftOut.merged())
            return
        }
        let unknown = handedOver.flatMap { $0.pieces(notIn: known.pages(of: pageSize)) }
        extents = structures + known + Extent.ofUnknownUse(intersect(unknown, regions))
        leftBehind = []
        withheld = []
        // Pages of the description are preserved as a whole.
        let kept = extents.map(\.range) + description
        let lost = kept.merged().flatMap { memory.unreadable(in: $0) }
        missing = handedOver.flatMap { $0.pieces(notIn: regions) }
        unreadable = lost.isEmpty ? [] : extents.filter { !$0.range.pieces(in: lost).isEmpty }
        self.memory = MemoryPart(
            of: memory, pageSize: pageSize, ranges: kept, lost: lost,
            leftOut: (leftOut + lost).merged())
    }

    /// The root FDT's address, to be passed to the next kernel.
    public var rootAddress: PhysicalAddress? { state.kho?.fdtAddress }

    /// The bytes of an extent.
    public func bytes(of extent: Extent) throws(MemoryError) -> [UInt8] {
        try memory.withBytes(at: extent.address, count: extent.byteCount) { bytes in
            [UInt8](copying: bytes)
        }
    }

    /// The blob of a subtree, by name; `kho` is the root FDT.
    public func blob(ofSubtree name: String) -> [UInt8]? {
        if name == "kho" {
            return extents.first { $0.role == .root }.flatMap { try? bytes(of: $0) }
        }
        guard let subtree = state.kho?.subtrees?.first(where: { $0.name.repaired == name }),
            let extent = extents.first(where: { $0.role == .subtree && $0.address == subtree.address }),
            let bytes = try? bytes(of: extent)
        else { return nil }
        guard let size = subtree.size.flatMap(Int.init(exactly:)), size < bytes.count else {
            // The extent of a blob with no size stated elsewhere is as long as its FDT.
            guard case .structure(let structure) = extent.form else { return bytes }
            return Array(bytes.prefix(structure.size))
        }
        return Array(bytes.prefix(size))
    }

    /// The bytes of everything that is handed over, for a document.
    ///
    /// - Throws: ``MemoryError`` if the image lists memory that cannot be read.
    public func contents() throws(MemoryError) -> [ResidueState] {
        let description = extents.filter(\.role.isMetadata).pages(of: state.statedPageSize)
        var contents: [ResidueState] = []
        for range in memory.regions.flatMap({ $0.pieces(notIn: description) }) {
            for piece in range.portions(of: 1 << 20) {
                let count = piece.upperBound.rawValue - piece.lowerBound.rawValue
                let data = try memory.withBytes(at: piece.lowerBound, count: Int(count)) { bytes in
                    [UInt8](copying: bytes.extracting(0..<bytes.countWithoutTrailingZeros))
                }
                contents.append(ResidueState(address: piece.lowerBound, data: data, size: count))
            }
        }
        return contents
    }
}

extension Extent {
    /// Memory preserved for an unknown purpose.
    static func ofUnknownUse(_ ranges: [Range<PhysicalAddress>]) -> [Extent] {
        ranges.compactMap { range in
            Int(exactly: range.upperBound.rawValue - range.lowerBound.rawValue).map {
                Extent(
                    address: range.lowerBound, byteCount: $0, role: .contents, form: .opaque, owner: .preservedBesides)
            }
        }
    }
}

extension Reading {
    /// The pages that the description refers to but that the image omits or has damaged.
    fileprivate func pagesNotAtHand(of pageSize: PageSize) -> [Range<PhysicalAddress>] {
        let inputIsDamaged = isInputDamaged
        return findings.compactMap { finding in
            guard finding.isNotAtHand(inputIsDamaged), let address = finding.place.address,
                let end = address.advanced(by: 1)
            else { return nil }
            return (address..<end).pages(of: pageSize)
        }
    }
}

extension [Extent] {
    /// The pages that the extents touch: ascending, disjoint.
    func pages(of pageSize: PageSize) -> [Range<PhysicalAddress>] {
        map { $0.range.pages(of: pageSize) }.merged()
    }
}

extension HandoverState {
    /// The page size; 4 KiB if unknown.
    var statedPageSize: PageSize { pageSize ?? .kib4 }

    /// The release of the kernel that handed over, as far as known.
    public var release: String? { writer?.validString ?? kernel }

    /// ``release`` for display: if the handover does not state it, all possible releases.
    public var releaseText: String? {
        writer == nil && kernel == generation?.name ? generation?.span : release
    }

    /// The memory that is handed over: the contents of files and of regions.
    public var contentsExtents: [Extent] {
        var extents: [Extent] = []
        forEachContents { owner, _, map in extents += map.extents(owner: owner) }
        return extents + subtreeExtents
    }

    /// Visits the files whose contents are known, with the addresses of the contents.
    public func forEachContents(_ body: (_ owner: Owner, _ contents: FileContents, _ map: ContentsMap) -> Void) {
        let pageSize = statedPageSize
        let sizes = FolioSizes(preserved: preserved, pageSize: pageSize)
        for session in luo?.sessions ?? [] {
            for file in session.files ?? [] where file.hasContent {
                guard let contents = file.fileContents else { continue }
                let owner = Owner.file(session: session.name, token: file.token)
                body(owner, contents, ContentsMap(of: contents, sizes, pageSize: pageSize))
            }
        }
    }
}
