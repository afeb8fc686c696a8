import FDT
import KernelABI

/// A handover laid out in memory, as the kernel would have left it there.
public struct HandoverImage: Sendable {
    /// What was laid out, complete.
    public let state: HandoverState
    public let memory: SparseMemory
    /// The pieces of memory, in the order in which they were written.
    public let extents: [Extent]

    /// The address of the root FDT, which the next kernel is to be told.
    public var rootAddress: PhysicalAddress? { state.kho?.fdtAddress }

    /// Lays out what the planner has completed.
    ///
    /// - Parameters:
    ///   - state: a state that is complete.
    ///   - contents: opens the file that a `content` names.
    public init(
        of state: HandoverState, contents: (String) throws(FileError) -> MappedFile
    ) throws(WriteError) {
        guard let pageSize = state.pageSize else { throw .incomplete(".page_size") }
        var memory = SparseMemory(pageSize: pageSize.bytes)
        memory.statedMachine = state.machine
        var writer = try ImageWriter(of: state, to: StoredPieces(in: memory))
        try writer.writeAll(contents)
        self.init(state, writer.destination)
    }

    /// Lays out the description of a handover without what is handed over.
    init(metadataOf state: HandoverState) throws(WriteError) {
        guard let pageSize = state.pageSize else { throw .incomplete(".page_size") }
        var writer = try ImageWriter(of: state, to: StoredPieces(in: SparseMemory(pageSize: pageSize.bytes)))
        try writer.writeMetadata()
        self.init(state, writer.destination)
    }

    private init(_ state: HandoverState, _ pieces: StoredPieces<SparseMemory>) {
        self.state = state
        memory = pieces.store
        extents = pieces.extents
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
    /// Memory of the handover cannot be read.
    case memory(MemoryError)
    /// The contents take more memory than an image is given.
    case contentsTooLarge
    /// The contents of the file at this path are not zero in a page of the file that no folio holds.
    case hole(String, page: UInt64)
}

extension WriteError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .incomplete(let path): "\(path): this is missing"
        case .outside(let address, let count): "\(count) bytes at \(address) reach beyond the address space"
        case .tree(let name, let error): "\(name): \(error)"
        case .file(let error): "\(error)"
        case .memory(let error): "\(error)"
        case .contentsTooLarge: "the contents take more than \(Self.contentsLimit >> 40) TiB of memory"
        case .hole(let path, let page): "\(path): no folio holds page \(page) of the contents, which is not zero"
        }
    }
}
