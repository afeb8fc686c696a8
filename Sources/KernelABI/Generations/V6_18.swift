extension Generation {
    /// 6.17.9 and 6.18: a bitmap fills a page, so that none can lie in scratch memory.
    public static let v6_18 = Generation(
        name: "6.18",
        releases: [Release(6, 17, 9), Release(6, 18)],
        root: v6_16.root,
        preservedMap: .chunkedBitmaps(.page),
        luo: nil,
        fileHandlers: [])
}
