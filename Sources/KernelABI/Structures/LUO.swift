/// `struct luo_ser`: all of LUO's state, since `luo-v5`.
public struct LUOLayout: RecordLayout {
    public let compatible: CharacterField
    public let liveUpdateNumber: Field<UInt64>
    public let sessions: Field<PhysicalAddress>
    public let flbs: Field<PhysicalAddress>
    public let structure: StructureDescription
    public let further: [FieldDescription]

    /// Since `luo-v5`.
    public static let v5 = LUOLayout { builder in
        (
            compatible: builder.characters("compatible", count: 8, "The version of this ABI."),
            liveUpdateNumber: builder.number(
                "liveupdate_num", UInt64.self, .number, "The number of live updates, including this one."),
            sessions: builder.address(
                "sessions_pa", of: "kho_block_header_ser", "The first block of sessions; 0 for none."),
            flbs: builder.address("flbs_pa", of: "luo_flb_header_ser", "The page of FLB records.")
        )
    }
    /// The prefix of every version of ``compatible``, including that of the FDT before `luo-v5`.
    public static let compatiblePrefix = "luo-v"

    /// - Parameter fields: Adds all fields in the kernel's order, and returns those with a meaning here.
    init(
        _ fields: (inout StructureBuilder) -> (
            compatible: CharacterField, liveUpdateNumber: Field<UInt64>, sessions: Field<PhysicalAddress>,
            flbs: Field<PhysicalAddress>
        )
    ) {
        var builder = StructureBuilder("luo_ser", packed: true, "The root of LUO's state.")
        (compatible, liveUpdateNumber, sessions, flbs) = fields(&builder)
        structure = builder.finish()
        further = structure.fields(besides: compatible, liveUpdateNumber, sessions, flbs)
    }
}
