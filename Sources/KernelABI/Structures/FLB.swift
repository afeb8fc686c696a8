/// `struct luo_flb_header_ser`: heads the page of FLB records.
public struct FLBHeaderLayout: KernelStructure {
    public let pageCount: Field<UInt64>
    public let count: Field<UInt64>
    public let structure: StructureDescription

    public static let layout = FLBHeaderLayout()

    private init() {
        var builder = StructureBuilder("luo_flb_header_ser", packed: true, "Heads the page of FLB records.")
        pageCount = builder.number("pgcnt", UInt64.self, .count, "The number of pages, this one included.")
        count = builder.number("count", UInt64.self, .count, "The number of records that follow.")
        structure = builder.finish()
    }
}

/// `struct luo_flb_ser`: one file-lifecycle-bound object.
public struct FLBLayout: KernelStructure {
    public let name: CharacterField
    public let data: Field<UInt64>
    public let count: Field<UInt64>
    public let structure: StructureDescription

    public static let layout = FLBLayout()

    private init() {
        var builder = StructureBuilder("luo_flb_ser", packed: true, "One file-lifecycle-bound object.")
        name = builder.characters("name", count: 48, "The object's unique compatible string.")
        data = builder.number("data", UInt64.self, .handle, "What the object's preserve operation returned.")
        count = builder.number("count", UInt64.self, .count, "The number of preserved files that depend on it.")
        structure = builder.finish()
    }
}
