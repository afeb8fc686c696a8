import FDT
import KernelABI

/// A handover laid out in memory, as the kernel would have left it there.
public struct HandoverImage: Sendable {
    /// What was laid out, complete.
    public let state: HandoverState
    public internal(set) var memory: SparseMemory
    /// The pieces of memory, in the order in which they were written.
    public internal(set) var extents: [Extent] = []
    let generation: Generation
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
        guard let generation = state.generation, let pageSize = PageSize(rawValue: state.pageSize) else {
            throw .incomplete(".kernel")
        }
        self.state = state
        self.generation = generation
        self.pageSize = pageSize
        memory = SparseMemory(pageSize: pageSize.bytes)
        memory.statedMachine = state.machine
    }

    private mutating func writeMetadata() throws(WriteError) {
        try writeMap()
        try writeLUO()
        try writeRoot()
        for residue in state.residue ?? [] {
            do throws(MemoryError) {
                try memory.write(residue.data, at: residue.address)
            } catch {
                throw .outside(residue.address, residue.data.count)
            }
        }
    }

    /// Writes bytes, and zeros behind them to the end of what belongs to the extent.
    mutating func place(
        _ bytes: [UInt8], at address: PhysicalAddress?, byteCount: Int? = nil, role: Extent.Role, form: Extent.Form,
        owner: Owner, path: @autoclosure () -> String
    ) throws(WriteError) {
        guard let address else { throw .incomplete(path()) }
        let size = max(bytes.count, byteCount ?? 0)
        let extent = Extent(address: address, byteCount: size, role: role, form: form, owner: owner)
        memory.allocate(extent.range)
        do throws(MemoryError) {
            try memory.write(bytes, at: address)
        } catch {
            throw .outside(address, bytes.count)
        }
        extents.append(extent)
    }

    /// Writes structures that begin a run of whole pages.
    mutating func placePages(
        _ bytes: [UInt8], at address: PhysicalAddress?, role: Extent.Role, form: Extent.Form, owner: Owner,
        path: @autoclosure () -> String
    ) throws(WriteError) {
        let pages = (bytes.count + pageSize.bytes - 1) / pageSize.bytes
        try place(
            bytes, at: address, byteCount: pages * pageSize.bytes, role: role, form: form, owner: owner, path: path())
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
