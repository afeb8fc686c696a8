extension Generation {
    /// 6.16, and 6.17 up to 6.17.8: only KHO, finalized in one pass, with small bitmaps; no LUO.
    public static let v6_16 = Generation(
        name: "6.16",
        releases: [Release(6, 16), Release(6, 17)],
        root: RootTree(
            compatible: "kho-v1", addressProperty: "fdt", sizeProperty: nil, construction: .sequential),
        preservedMap: .chunkedBitmaps(.fixed(512)),
        luo: nil,
        fileHandlers: [],
        preservesVmalloc: false)
}
