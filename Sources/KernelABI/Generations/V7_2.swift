extension Generation {
    /// 7.2 and 7.3: LUO's state is a structure, and sessions and files lie in chains of blocks.
    public static let v7_2 = Generation(
        name: "7.2",
        releases: [Release(7, 2), Release(7, 3)],
        root: RootTree(
            compatible: "kho-v4", addressProperty: "preserved-data", sizeProperty: "blob-size",
            construction: .edited, alignsBlocks: true),
        preservedMap: .radixTree,
        luo: LUOState(
            compatible: "luo-v5",
            form: .record,
            sessions: .sessionBlocks,
            files: .fileBlocks,
            flbs: .flbPage),
        fileHandlers: [.memfdV2],
        memblock: MemblockTree(),
        kexecMetadata: KexecMetadataBlob(version: 1))
}

extension RecordContainer {
    /// `KHO_MAX_BLOCKS`: the number of blocks after which a kernel calls a chain corrupted.
    package static let blockLimit = 10_000

    static let sessionBlocks = RecordContainer(
        header: BlockHeaderLayout.layout.structure, record: SessionLayout.layout.structure,
        form: .blockChain(limit: blockLimit))
    static let fileBlocks = RecordContainer(
        header: BlockHeaderLayout.layout.structure, record: FileLayout.layout.structure,
        form: .blockChain(limit: blockLimit))
}
