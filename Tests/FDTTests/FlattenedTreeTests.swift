import FDT
import Testing

@Suite struct ReadingTrees {
    let board: FlattenedTree

    init() throws { board = try FlattenedTree(Fixture.bytes("board.dtb")) }

    @Test func header() throws {
        let header = try FlattenedTree(Fixture.bytes("linux-7.1/kho-root.dtb")).header
        #expect(header.magic == Header.magic)
        #expect(header.totalSize == 405)
        #expect(header.structureOffset == 0x38)
        #expect(header.stringsOffset == 0x15c)
        #expect(header.memoryReservationOffset == 0x28)
        #expect(header.version == 17)
        #expect(header.lastCompatibleVersion == 16)
        #expect(header.bootCPU == 0)
        #expect(header.stringsSize == 0x39)
        #expect(header.structureSize == 0x124)
        #expect(header.form == .packed)
        #expect(try FlattenedTree(Fixture.bytes("board-v16.dtb")).header.structureSize == nil)
    }

    @Test func reservations() {
        #expect(
            Array(board.memoryReservations) == [
                MemoryReservation(address: 0x1000_0000, size: 0x4000),
                MemoryReservation(address: 0x1234_5678_9abc_d000, size: 0x1000),
            ])
    }

    /// dtc writes the same tree in three versions of the format: all read alike.
    @Test(arguments: Fixture.compiled)
    func nodes(name: String) throws {
        let tree = try FlattenedTree(Fixture.bytes(name))
        #expect(tree.root.children.map(\.name) == ["aliases", "memory@80000000", "soc"])
        let soc = try #require(tree.node(at: "/soc"))
        #expect(soc.children.map(\.name) == ["serial@1000", "serial@2000", "interrupt-controller@3000"])
        #expect(soc.children.map(\.path) == ["/soc/serial@1000", "/soc/serial@2000", "/soc/interrupt-controller@3000"])
        let serial = try #require(tree.node(at: "serial0"))
        #expect(serial.path == "/soc/serial@1000")
        #expect(serial.depth == 2)
        #expect(serial.parent == soc)
        #expect(tree.root.parent == nil)
        // Before version 16 dtc adds a property for the name.
        #expect(
            serial.properties.map(\.name).filter { $0 != "name" } == ["compatible", "reg", "clock", "interrupt-parent"])
        #expect(serial.property("reg")?.cells == [0x1000, 0x100])
        #expect(serial.property("clock")?.u64() == 0x1_0000_0000)
        #expect(serial.property("clock")?.u64(.littleEndian) == 0x0100_0000)
        let phandle = try #require(serial.property("interrupt-parent")?.u32())
        #expect(tree.node(phandle: phandle)?.name == "interrupt-controller@3000")
        #expect(tree.node(phandle: phandle)?.phandle == phandle)
        #expect(tree.node(phandle: 99) == nil)
    }

    @Test func unitAddresses() {
        #expect(board.root.subnode(named: "memory")?.name == "memory@80000000")
        #expect(board.root.subnode(named: "memory@80000000") != nil)
        #expect(board.root.subnode(named: "memory@8") == nil)
        #expect(board.root.subnode(named: "mem") == nil)
        #expect(board.root.subnode(named: "memory\0") == nil)
        #expect(board.node(at: "/soc/serial")?.name == "serial@1000")
        #expect(board.node(at: "/soc/serial@2000")?.name == "serial@2000")
        #expect(board.node(at: "/soc/none") == nil)
        #expect(board.node(at: "/") == board.root)
    }

    @Test func compatibility() throws {
        #expect(board.root.isCompatible(with: "acme,board"))
        #expect(board.root.isCompatible(with: "acme,board-r2"))
        #expect(!board.root.isCompatible(with: "acme"))
        #expect(board.nodes(compatibleWith: "ns16550a").map(\.name) == ["serial@1000", "serial@2000"])
        #expect(board.firstNode(compatibleWith: "acme,uart-v2")?.path == "/soc/serial@1000")
        #expect(board.firstNode(compatibleWith: "none") == nil)
    }

    @Test func values() throws {
        let node = try #require(board.node(at: "/soc/interrupt-controller"))
        #expect(node.property("interrupt-controller")?.bytes == [])
        #expect(node.property("interrupt-controller")?.string == nil)
        #expect(node.property("interrupt-controller")?.cells == [])
        #expect(node.property("mac")?.bytes == [2, 0, 0x5e])
        #expect(node.property("mac")?.u32() == nil)
        #expect(node.property("mac")?.cells == nil)
        #expect(node.property("mac")?.string == nil)
        #expect(node.property("names")?.strings == ["a", "", "c"])
        #expect(node.property("names")?.string == nil)
        #expect(node.property("empty-string")?.string == "")
        #expect(node.property("nothing") == nil)
        #expect(board.root.property("model")?.string == "Board")
        #expect(board.root.property("compatible")?.strings == ["acme,board-r2", "acme,board"])
        #expect(board.root.property("mode") == nil)
    }

    @Test func valuesOfKHO() throws {
        let tree = try FlattenedTree(Fixture.bytes("linux-7.1/kho-root.dtb"))
        #expect(tree.root.property("preserved-memory-map")?.u64(.littleEndian) == 0x4a_6000)
        #expect(tree.root.property("preserved-memory-map")?.u32() == nil)
        #expect(tree.root.children.map(\.name) == ["memblock", "LUO", "kho_test", "kexec-metadata"])
        #expect(tree.node(at: "/LUO")?.property("blob-size")?.u64(.littleEndian) == 311)
    }

    @Test func walks() throws {
        var names: [String] = []
        for case .beginNode(let node, let depth) in board.walk {
            names.append(String(repeating: " ", count: depth) + node.name)
        }
        #expect(
            names == [
                "", " aliases", " memory@80000000", " soc", "  serial@1000", "  serial@2000",
                "  interrupt-controller@3000",
            ])
        let soc = try #require(board.node(at: "/soc"))
        #expect(soc.walk.count { if case .beginNode = $0 { true } else { false } } == 4)
        #expect(soc.walk.count { if case .endNode = $0 { true } else { false } } == 4)
        let serial = try #require(board.node(at: "/soc/serial@2000"))
        let own = serial.walk.compactMap { if case .property(let property) = $0 { property.name } else { nil } }
        #expect(own == ["compatible", "reg", "status"])
    }

    /// Trees are values: equal bytes are equal trees, whatever followed them.
    @Test func equality() throws {
        let bytes = try Fixture.bytes("board.dtb")
        #expect(try FlattenedTree(bytes + [1, 2, 3]) == board)
        #expect(try FlattenedTree(bytes + [1, 2, 3]).bytes == bytes)
        #expect(try FlattenedTree(Fixture.bytes("board-v16.dtb")) != board)
    }
}
