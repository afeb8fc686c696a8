import FDT
import Testing

@Suite struct PartialTrees {
    /// What debugfs shows of the outgoing root on 7.1: 233 bytes of 405.
    @Test func cutRoot() throws {
        let tree = PartialTree(try Trees.bytes("linux-7.1/kho-root-cut.dtb"))
        #expect(tree.header?.totalSize == 405)
        #expect(tree.nodes.map { tree.path(of: $0) } == ["/", "/memblock", "/LUO", "/kho_test"])
        #expect(tree.nodes.map(\.hasEnd) == [false, true, true, false])
        let luo = tree.nodes[2]
        #expect(luo.properties.map(\.name) == [nil, nil])
        #expect(luo.properties.map(\.nameOffset) == [0x2f, 0x20])
        #expect(luo.properties.map { $0.u64(.littleEndian) } == [311, 0xe7_c000])
        #expect(luo.properties.map(\.isWhole) == [true, true])
        #expect(
            tree.missing.map(\.description) == [
                "tree: 233 of its 405 bytes are present",
                "strings block: 0x15c..<0x195 is not in the 233 bytes given",
                "structure block: 0xe9..<0x15c is not in the 233 bytes given; "
                    + "it stops in node /kho_test, at 0xe8, before the next tag",
            ])
        #expect(tree.missing.map(\.range) == [233..<405, 0x15c..<0x195, 0xe9..<0x15c])
        #expect(tree.missing.last?.node == "/kho_test")
    }

    @Test func cutValue() throws {
        let bytes = try Trees.bytes("linux-7.1/kho-root.dtb")
        // The value of /memblock/blob-size begins at 0x84.
        let tree = PartialTree(Array(bytes.prefix(0x87)))
        let property = try #require(tree.nodes.last?.properties.last)
        #expect(property.bytes == [0xd2, 0, 0])
        #expect(property.declaredCount == 8)
        #expect(!property.isWhole)
        #expect(property.u64() == nil)
    }

    @Test func cutName() throws {
        let bytes = try Trees.bytes("linux-7.1/kho-root.dtb")
        let tree = PartialTree(Array(bytes.prefix(0x6e)))
        #expect(tree.nodes.map(\.name) == ["", "me"])
        #expect(tree.missing.last?.node == "/me")
    }

    /// Part of the strings is present: complete names are shown.
    @Test func cutStrings() throws {
        let bytes = try Trees.bytes("linux-7.1/kho-root.dtb")
        let tree = PartialTree(Array(bytes.prefix(0x15c + 0x20)))
        #expect(tree.root?.properties.map(\.name) == ["compatible", "preserved-memory-map"])
        #expect(tree.nodes[1].properties.map(\.name) == [nil, nil])
        #expect(tree.missing.map(\.part) == [.tree, .strings])
    }

    @Test func noHeader() {
        let tree = PartialTree([0xd0, 0x0d])
        #expect(tree.header == nil)
        #expect(tree.root == nil)
        #expect(tree.missing.map(\.description) == ["header: 2 of its 40 bytes are present"])
    }

    @Test func wrongMagic() throws {
        var bytes = try Trees.bytes("linux-7.1/LUO.dtb")
        bytes[3] = 0
        let tree = PartialTree(bytes)
        #expect(tree.missing.map(\.description) == ["header: magic is 0xd00dfe00, not 0xd00dfeed"])
        #expect(tree.nodes.map(\.name) == ["", "luo-session", "luo-flb"])
    }

    /// Too deep for any stack, but created and released without recursion.
    @Test func deep() {
        let depth = 300_000
        var raw = RawTree()
        raw.structure = (0..<depth).flatMap { _ in [RawTree.begin, 0] }
        let tree = PartialTree(raw.bytes)
        #expect(tree.nodes.count == depth)
        #expect(tree.nodes.last?.depth == depth - 1)
        #expect(!tree.missing.isEmpty)
    }

    /// Overlapping names that all end at the same distant NUL. Their memory use is not the sum of their lengths.
    @Test func overlappingNames() {
        let count: UInt32 = 20_000
        var raw = RawTree()
        raw.structure =
            [RawTree.begin, 0] + (0..<count).flatMap { [RawTree.prop, 0, $0] } + [RawTree.endNode, RawTree.end]
        raw.strings = [UInt8](repeating: 97, count: Int(count)) + [0]
        let tree = PartialTree(raw.bytes)
        #expect(tree.missing.isEmpty)
        #expect(tree.root?.properties.last?.name == "a")
        #expect(tree.root?.properties.count == Int(count))
    }
}
