extension Generation {
    /// 7.2 and 7.3: LUO's state is a structure, and sessions and files are in chains of blocks.
    public static let v7_2 = Generation(
        name: "7.2",
        releases: [Release(7, 2), Release(7, 3)],
        root: RootTree(
            compatible: "kho-v4", addressProperty: "preserved-data", sizeProperty: "blob-size",
            construction: .edited, alignsBlocks: true),
        preservedMap: .radixTree,
        luo: LUOState(
            compatible: "luo-v5",
            form: .record(.v5),
            sessions: .blocks(of: .v1),
            files: .blocks(of: .v1),
            flbs: .page(of: .v1)),
        fileHandlers: [.memfdV2],
        kexecMetadata: KexecMetadataBlob(version: 1))
}
