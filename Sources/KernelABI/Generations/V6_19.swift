extension Generation {
    /// 6.19: LUO's first form, with sessions and memfds.
    public static let v6_19 = Generation(
        name: "6.19",
        releases: [Release(6, 19)],
        root: RootTree(compatible: "kho-v1", addressProperty: "fdt", sizeProperty: nil, construction: .edited),
        preservedMap: .chunkedBitmaps(.page),
        luo: LUOState(
            compatible: "luo-v1",
            form: .tree(
                LUOState.Tree(
                    sessions: .init(
                        name: "luo-session", compatible: "luo-session-v2", addressProperty: "luo-session-header"),
                    flbs: nil)),
            sessions: .array(of: .v1),
            files: .array(of: .v1),
            flbs: nil),
        fileHandlers: [.memfdV1])
}

extension RecordContainer<SessionLayout> {
    /// The sessions of `luo-v1`: 16 contiguous pages.
    static func array(of record: SessionLayout) -> Self {
        Self(header: SessionHeaderLayout.layout, record: record, form: .array(pages: 16))
    }
}

extension RecordContainer<FileLayout> {
    /// The files of a session of `luo-v1`: two contiguous pages, without a header.
    static func array(of record: FileLayout) -> Self {
        Self(header: nil, record: record, form: .array(pages: 2))
    }
}
