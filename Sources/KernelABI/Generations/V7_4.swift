extension Generation {
    /// 7.4, as queued: renames the memory that the next kernel boots from, and adds FLB payloads.
    public static let v7_4 = Generation(
        name: "7.4",
        releases: [Release(7, 4)],
        isReleased: false,
        root: v7_2.root,
        preservedMap: .radixTree,
        luo: v7_2.luo,
        fileHandlers: v7_2.fileHandlers,
        kexecMetadata: v7_2.kexecMetadata,
        bootMemory: "bootmem")
}
