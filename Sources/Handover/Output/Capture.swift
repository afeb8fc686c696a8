import FDT
import KernelABI

/// A handover and the memory that it is in: what is written to a file.
public struct Capture: Sendable {
    public let state: HandoverState
    /// The pieces of memory that are to be kept.
    public let extents: [Extent]
    /// The memory of the extents, and no other.
    public let memory: any PhysicalMemory

    /// A handover that was built, with all of its memory.
    public init(_ image: HandoverImage) {
        state = image.state
        extents = image.extents
        memory = image.memory
    }

    /// A handover in memory that holds it and nothing else.
    public init(_ state: HandoverState, extents: [Extent], memory: any PhysicalMemory) {
        self.state = state
        self.extents = extents
        self.memory = memory
    }

    /// The part of a memory image that a handover needs.
    ///
    /// - Parameter contents: whether to keep what is handed over, too, rather than its description alone: the
    ///   contents of memfds and of `reserve_mem` regions.
    public init(of reading: Reading, in memory: any PhysicalMemory, contents: Bool) {
        state = reading.state
        var extents = reading.extents
        if contents { extents += reading.state.contentsExtents }
        self.extents = extents
        let pageSize = PageSize(rawValue: reading.state.pageSize) ?? .kib4
        self.memory = MemoryPart(of: memory, pageSize: pageSize, around: extents.map(\.range))
    }

    /// The root FDT's address, which the next kernel is to be told.
    public var rootAddress: PhysicalAddress? { state.kho?.fdtAddress }

    /// The bytes of an extent.
    public func bytes(of extent: Extent) throws(MemoryError) -> [UInt8] {
        try memory.withBytes(at: extent.address, count: extent.byteCount) { bytes in
            [UInt8](copying: bytes)
        }
    }

    /// The blob of a subtree by its name; the root FDT for `kho`.
    public func blob(ofSubtree name: String) -> [UInt8]? {
        if name == "kho" {
            return extents.first { $0.role == .root }.flatMap { try? bytes(of: $0) }
        }
        guard let subtree = state.kho?.subtrees?.first(where: { $0.name.description == name }),
            let extent = extents.first(where: { $0.role == .subtree && $0.address == subtree.address }),
            let bytes = try? bytes(of: extent)
        else { return nil }
        guard let size = subtree.size.flatMap(Int.init(exactly:)), size < bytes.count else {
            // An extent of a blob whose size is not stated anywhere else is as long as its FDT.
            guard case .structure(let structure) = extent.form else { return bytes }
            return Array(bytes.prefix(structure.size))
        }
        return Array(bytes.prefix(size))
    }
}

extension HandoverState {
    /// The release of the kernel that handed over, as far as it is known.
    public var release: String? { kexecMetadata?.previousRelease?.validString ?? kernel }

    /// The memory that is handed over: the contents of memfds and of `reserve_mem` regions.
    public var contentsExtents: [Extent] {
        var extents: [Extent] = []
        forEachContents { owner, _, map in extents += map.extents(owner: owner) }
        return extents + regionExtents
    }

    /// The memory of `reserve_mem` regions.
    public var regionExtents: [Extent] {
        (memblock?.regions ?? []).compactMap { region in
            guard let start = region.start, let count = Int(exactly: region.size) else { return nil }
            return Extent(
                address: start, byteCount: count, role: .region, form: .opaque, owner: .region(region.name))
        }
    }

    /// Visits the files whose contents are known, with where these are.
    public func forEachContents(_ body: (_ owner: Owner, _ contents: FileContents, _ map: ContentsMap) -> Void) {
        let pageSize = PageSize(rawValue: pageSize) ?? .kib4
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
