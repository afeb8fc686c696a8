extension Generation {
    /// 6.16 to 6.18: KHO alone, finalized in one pass; no LUO.
    public static let v6_16 = Generation(
        name: "6.16",
        releases: ["6.16", "6.17", "6.18"],
        root: RootTree(
            compatible: "kho-v1", addressProperty: "fdt", sizeProperty: nil, construction: .sequential),
        preservedMap: .chunkedBitmaps,
        luo: nil,
        memfd: [],
        memblock: MemblockTree(),
        kexecMetadata: nil)
}
