import KernelABI
import Testing

@Suite struct GenerationTests {
    @Test(arguments: [
        ("6.16", "6.16"), ("6.17", "6.16"), ("6.17.8-arch1", "6.16"), ("6.17.9", "6.18"),
        ("6.17.13+deb14-amd64", "6.18"),
        ("6.18.5", "6.18"), ("6.19.11", "6.19"), ("7.0", "7.0"), ("7.1.13-amd64", "7.1"),
        ("7.2", "7.2"), ("7.3.4", "7.2"), ("7.3-rc1", "7.2"),
    ])
    func releaseHasAGeneration(release: String, name: String) {
        #expect(Generation(release: release)?.name == name)
    }

    @Test(arguments: ["", "7", "6.15", "7.", "7.3x", "x.y", "17.3"])
    func otherTextHasNone(_ text: String) {
        #expect(Generation(release: text) == nil)
    }

    @Test(arguments: [
        ("6.19.9", Release(6, 19, 9)), ("7.3", Release(7, 3)), ("7.4-rc2", Release(7, 4, candidate: 2)),
        ("7.4.0-rc12-next", Release(7, 4, 0, candidate: 12)), ("6.19.6+deb14-amd64", Release(6, 19, 6)),
        ("7.3.4-1~bpo13+1", Release(7, 3, 4)), ("6.17.0-14-generic", Release(6, 17, 0)),
    ])
    func `what a distributor adds is left out`(text: String, release: Release) {
        #expect(Release(text) == release)
    }

    @Test(arguments: ["", "7", "7.", "7.3.", "7.3.4.5", "7.3x", "v7.3", ".3", "99999999999999999999.1"])
    func `other text is no release`(text: String) {
        #expect(Release(text) == nil)
    }

    @Test func `releases follow each other`() {
        let texts = ["6.17", "6.17.8", "6.17.9", "6.18-rc1", "6.18-rc2", "6.18", "6.18.1", "6.19", "7.0"]
        #expect(texts.compactMap { Release($0) }.sorted().map(\.description) == texts)
    }

    @Test func capacitiesAreTheKernels() throws {
        let newest = try #require(Generation.v7_2.luo)
        #expect(newest.sessions.capacity(pageSize: .kib4) == 51)
        #expect(newest.files.capacity(pageSize: .kib4) == 63)
        #expect(newest.sessions.allocationLimit == 10_000)
        let older = try #require(Generation.v7_1.luo)
        #expect(older.sessions.capacity(pageSize: .kib4) == 819)
        #expect(older.files.capacity(pageSize: .kib4) == 128)
    }

    @Test(arguments: zip(PageSize.allCases, [63, 255, 1023]))
    func flbLimitFollowsFromThePageSize(_ size: PageSize, _ limit: Int) throws {
        let flbs = try #require(Generation.v7_2.luo?.flbs)
        #expect(flbs.limit(pageSize: size) == limit)
    }

    @Test(arguments: zip(PageSize.allCases, [6, 5, 4]))
    func radixTreeDepthFollowsFromThePageSize(_ size: PageSize, _ depth: Int) {
        let geometry = RadixGeometry(pageSize: size)
        let keyBits = 64 - size.shift + 1
        // ceil((key bits - bitmap bits) / table bits) + 1
        let expected = (keyBits - (size.shift + 3) + (size.shift - 3) - 1) / (size.shift - 3) + 1
        #expect(geometry.depth == expected)
        #expect(geometry.depth == depth)
    }

    @Test(arguments: PageSize.allCases) func radixKeyRoundTrips(_ size: PageSize) {
        let geometry = RadixGeometry(pageSize: size)
        for order in [0, 1, 9, 10] {
            let block = PageBlock(address: PhysicalAddress(UInt64(size.bytes) << UInt64(order) &* 5), order: order)
            #expect(geometry.block(of: geometry.key(of: block)) == block)
        }
        #expect(geometry.block(of: 0) == nil)
    }
}
