/// The structure that heads an array, or a block, of records.
public protocol RecordHeader: KernelStructure {
    /// How many records follow it.
    var count: Field<UInt64> { get }
}

/// How records of one kind (sessions, files, FLBs) lie in memory: pages, a header, and records after it.
public struct RecordContainer<Record: KernelStructure>: Sendable {
    /// The structure at the beginning of each allocation, or `nil`.
    public let header: (any RecordHeader)?
    /// The size of the header in bytes: where the first record begins.
    public let headerSize: Int
    /// The layout of each record.
    public let record: Record
    public let form: Form

    public enum Form: Hashable, Sendable {
        /// One allocation of this many contiguous pages.
        case array(pages: Int)
        /// One-page blocks, each of which links to the next; at most this many.
        case blockChain(limit: Int)
    }

    public init(header: (any RecordHeader)?, record: Record, form: Form) {
        self.header = header
        headerSize = header?.structure.size ?? 0
        self.record = record
        self.form = form
    }

    /// A chain of KHO blocks.
    public static func blocks(of record: Record) -> Self {
        Self(
            header: BlockHeaderLayout.layout, record: record, form: .blockChain(limit: BlockHeaderLayout.chainLimit))
    }

    /// The pages of one allocation: of the array, or of one block.
    public var pagesPerAllocation: Int {
        switch form {
        case .array(let pages): pages
        case .blockChain: 1
        }
    }

    /// The number of allocations that a kernel makes and accepts.
    public var allocationLimit: Int {
        switch form {
        case .array: 1
        case .blockChain(let limit): limit
        }
    }

    /// The number of records that one allocation holds.
    public func capacity(pageSize: PageSize) -> Int {
        (pagesPerAllocation * pageSize.bytes - headerSize) / record.structure.size
    }

    /// The number of records that the container holds in all.
    public func limit(pageSize: PageSize) -> Int {
        capacity(pageSize: pageSize) * allocationLimit
    }
}
