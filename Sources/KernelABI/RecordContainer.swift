/// The header of an array or block of records.
public protocol RecordHeader: KernelStructure {
    /// The number of records that follow it.
    var count: Field<UInt64> { get }
}

/// How records of one kind (sessions, files, FLBs) are stored: pages, each allocation with an optional header, then
/// records.
public struct RecordContainer<Record: KernelStructure>: Sendable {
    /// The structure at the beginning of each allocation, or `nil`.
    public let header: (any RecordHeader)?
    /// The size of the header in bytes, which is the offset of the first record.
    public let headerSize: Int
    /// The layout of each record.
    public let record: Record
    public let form: Form

    public enum Form: Hashable, Sendable {
        /// One allocation of this many contiguous pages.
        case array(pages: Int)
        /// One-page blocks, each linked to the next; at most `limit` of them.
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

    /// The number of pages in one allocation: the array, or one block.
    public var pagesPerAllocation: Int {
        switch form {
        case .array(let pages): pages
        case .blockChain: 1
        }
    }

    /// The maximum number of allocations that a kernel makes and accepts.
    public var allocationLimit: Int {
        switch form {
        case .array: 1
        case .blockChain(let limit): limit
        }
    }

    /// The maximum number of records in one allocation.
    public func capacity(pageSize: PageSize) -> Int {
        (pagesPerAllocation * pageSize.bytes - headerSize) / record.structure.size
    }

    /// The maximum number of records in the container.
    public func limit(pageSize: PageSize) -> Int {
        capacity(pageSize: pageSize) * allocationLimit
    }
}
