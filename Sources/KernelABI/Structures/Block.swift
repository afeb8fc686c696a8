/// `struct kho_block_header_ser`: the header of each one-page block in a chain of records.
public struct BlockHeaderLayout: RecordHeader {
    public let next: Field<PhysicalAddress>
    public let count: Field<UInt64>
    public let structure: StructureDescription

    public static let layout = BlockHeaderLayout()
    /// `KHO_MAX_BLOCKS`: a kernel treats a longer chain as corrupted.
    public static let chainLimit = 10_000

    private init() {
        var builder = StructureBuilder("kho_block_header_ser", packed: true, "The header of a block of records.")
        next = builder.address("next", of: "kho_block_header_ser", "The next block of the chain; 0 ends it.")
        count = builder.number("count", UInt64.self, .count, "The number of records in this block.")
        structure = builder.finish()
    }
}
