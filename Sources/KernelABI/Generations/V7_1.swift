extension Generation {
    /// 7.1: the radix tree, subtrees of any kind with a size, and the name of the previous kernel.
    public static let v7_1 = Generation(
        name: "7.1",
        releases: [Release(7, 1)],
        root: RootTree(
            compatible: "kho-v3", addressProperty: "preserved-data", sizeProperty: "blob-size",
            construction: .edited, alignsBlocks: true),
        preservedMap: .radixTree,
        luo: .treeWithFLBs,
        fileHandlers: [.memfdV2],
        kexecMetadata: KexecMetadataBlob(version: 1))
}
