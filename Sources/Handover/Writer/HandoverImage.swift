import FDT
import KernelABI

/// A handover laid out in memory, as the kernel would have left it there.
public struct HandoverImage: Sendable {
    /// What was laid out, complete.
    public let state: HandoverState
    public internal(set) var memory: SparseMemory
    /// The pieces of memory, in the order in which they were written.
    public internal(set) var extents: [Extent] = []
    let pageSize: PageSize

    /// The address of the root FDT, which the next kernel is to be told.
    public var rootAddress: PhysicalAddress? { state.kho?.fdtAddress }

    /// Lays out what the planner has completed.
    ///
    /// - Parameter contents: opens the file that a memfd's `content` names.
    public init(
        of state: HandoverState, contents: (String) throws(FileError) -> MappedFile
    ) throws(WriteError) {
        try self.init(emptyFor: state)
        // Where a forced document has them overlap, what describes the handover counts.
        try writeContents(contents)
        try writeMetadata()
    }

    /// Lays out the description of a handover without what is handed over.
    init(metadataOf state: HandoverState) throws(WriteError) {
        try self.init(emptyFor: state)
        try writeMetadata()
    }

    private init(emptyFor state: HandoverState) throws(WriteError) {
        guard let pageSize = PageSize(rawValue: state.pageSize) else { throw .incomplete(".page_size") }
        self.state = state
        self.pageSize = pageSize
        memory = SparseMemory(pageSize: pageSize.bytes)
        memory.statedMachine = state.machine
    }

    private mutating func writeMetadata() throws(WriteError) {
        // The pages pass from one to the other: a second owner would mean copies.
        let pages = ImagePages(memory: memory, extents: extents)
        memory = SparseMemory(pageSize: pageSize.bytes)
        extents = []
        var writer = try MetadataWriter(of: state, to: pages)
        try writer.write()
        memory = writer.destination.memory
        extents = writer.destination.extents
        for residue in state.residue ?? [] {
            do throws(MemoryError) {
                try memory.write(residue.data, at: residue.address)
            } catch {
                throw .outside(residue.address, residue.data.count)
            }
        }
    }
}

/// The pages of an image on their way.
private struct ImagePages: PieceDestination {
    var memory: SparseMemory
    var extents: [Extent]

    mutating func take(_ bytes: [UInt8], of extent: Extent) throws(WriteError) {
        if extent.byteCount > bytes.count { memory.allocate(extent.range) }
        do throws(MemoryError) {
            try memory.write(bytes, at: extent.address)
        } catch {
            throw .outside(extent.address, bytes.count)
        }
        extents.append(extent)
    }
}

/// Why a handover could not be laid out.
public enum WriteError: Error, Hashable, Sendable {
    /// The document lacks a value that the planner would have filled in, at this path.
    case incomplete(String)
    /// Bytes would lie beyond the end of the address space.
    case outside(PhysicalAddress, Int)
    /// libfdt refused to make the tree.
    case tree(String, FDTError)
    case file(FileError)
    /// The contents take more memory than an image is given.
    case contentsTooLarge
}

extension WriteError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .incomplete(let path): "\(path): this is missing"
        case .outside(let address, let count): "\(count) bytes at \(address) reach beyond the address space"
        case .tree(let name, let error): "\(name): \(error)"
        case .file(let error): "\(error)"
        case .contentsTooLarge: "the contents take more than \(HandoverImage.contentsLimit >> 40) TiB of memory"
        }
    }
}
