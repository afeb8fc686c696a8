extension Generation {
    /// 7.0: adds file-lifecycle-bound objects.
    public static let v7_0 = Generation(
        name: "7.0",
        releases: [Release(7, 0)],
        root: v6_19.root,
        preservedMap: .chunkedBitmaps(.page),
        luo: .treeWithFLBs,
        fileHandlers: [.memfdV1])
}

extension Generation.LUOState {
    /// `luo-v1` with its `luo-flb` node.
    static let treeWithFLBs = Self(
        compatible: "luo-v1",
        form: .tree(
            Tree(
                sessions: .init(
                    name: "luo-session", compatible: "luo-session-v2", addressProperty: "luo-session-header"),
                flbs: .init(name: "luo-flb", compatible: "luo-flb-v1", addressProperty: "luo-flb-header"))),
        sessions: .array(of: .v1),
        files: .array(of: .v1),
        flbs: .page(of: .v1))
}

extension RecordContainer<FLBLayout> {
    /// The page of FLBs; its capacity is the kernel's `LUO_FLB_MAX`.
    static func page(of record: FLBLayout) -> Self {
        Self(header: FLBHeaderLayout.layout, record: record, form: .array(pages: 1))
    }
}
