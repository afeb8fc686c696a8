import FDT
import KernelABI

/// A handover laid out in memory, as a kernel would have left it.
public struct HandoverImage: Sendable {
    /// The complete state that was laid out.
    public let state: HandoverState
    public let memory: SparseMemory
    /// The pieces of memory, in the order in which they were written.
    public let extents: [Extent]

    /// The address of the root FDT, to be passed to the next kernel.
    public var rootAddress: PhysicalAddress? { state.kho?.fdtAddress }

    /// Lays out a state that the planner has completed.
    ///
    /// - Parameters:
    ///   - state: A complete state.
    ///   - contents: Opens the file that a `content` names.
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

    /// Lays out the description of a handover, without what is handed over.
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

/// The reason why a handover could not be laid out.
public enum WriteError: Error, Hashable, Sendable {
    /// The document lacks, at this path, a value that the planner would have filled in.
    case incomplete(String)
    /// Bytes would be beyond the end of the address space.
    case outside(PhysicalAddress, Int)
    /// libfdt refused to create the tree.
    case tree(String, FDTError)
    case file(FileError)
    /// Memory of the handover cannot be read.
    case memory(MemoryError)
    /// The contents exceed the maximum memory of an image.
    case contentsTooLarge
    /// The file at this path is not zero in a page for which there is no folio.
    case hole(String, page: UInt64)
}

extension WriteError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .incomplete(let path): "\(path): missing"
        case .outside(let address, let count): "\(count) bytes at \(address) exceed the address space"
        case .tree(let name, let error): "\(name): \(error)"
        case .file(let error): "\(error)"
        case .memory(let error): "\(error)"
        case .contentsTooLarge: "the contents take more than \(Self.contentsLimit >> 40) TiB of memory"
        case .hole(let path, let page): "\(path): page \(page) of the contents is not zero, but has no folio"
        }
    }
}
