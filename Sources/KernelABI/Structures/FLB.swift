/// `struct luo_flb_header_ser`: the header of the page of FLB records.
public struct FLBHeaderLayout: RecordHeader {
    public let pageCount: Field<UInt64>
    public let count: Field<UInt64>
    public let structure: StructureDescription

    public static let layout = FLBHeaderLayout()

    private init() {
        var builder = StructureBuilder("luo_flb_header_ser", packed: true, "The header of the page of FLB records.")
        pageCount = builder.number("pgcnt", UInt64.self, .count, "The number of pages, this one included.")
        count = builder.number("count", UInt64.self, .count, "The number of records that follow.")
        structure = builder.finish()
    }
}

/// `struct luo_flb_ser`: one file-lifecycle-bound object.
public struct FLBLayout: RecordLayout {
    public let name: CharacterField
    public let data: Field<UInt64>
    public let count: Field<UInt64>
    public let structure: StructureDescription
    public let further: [FieldDescription]

    /// Since `luo-v1` of 7.0.
    public static let v1 = FLBLayout { builder in
        (
            name: builder.characters("name", count: 48, "The object's unique compatible string."),
            data: builder.number("data", UInt64.self, .handle, "What the object's preserve operation returned."),
            count: builder.number("count", UInt64.self, .count, "The number of preserved files that depend on it.")
        )
    }

    /// - Parameter fields: Adds all fields in the kernel's order, and returns those with a meaning here.
    init(_ fields: (inout StructureBuilder) -> (name: CharacterField, data: Field<UInt64>, count: Field<UInt64>)) {
        var builder = StructureBuilder("luo_flb_ser", packed: true, "One file-lifecycle-bound object.")
        (name, data, count) = fields(&builder)
        structure = builder.finish()
        further = structure.fields(besides: name, data, count)
    }
}
