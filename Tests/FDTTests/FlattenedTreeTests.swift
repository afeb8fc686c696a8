import Testing

@testable import FDT

@Suite struct ReadingTrees {
    let board: FlattenedTree

    init() throws { board = try FlattenedTree(Trees.bytes("board.dtb")) }

    @Test func header() throws {
        let header = try FlattenedTree(Trees.bytes("linux-7.1/kho-root.dtb")).header
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
        #expect(try FlattenedTree(Trees.bytes("board-v16.dtb")).header.structureSize == nil)
    }

    @Test func reservations() {
        #expect(
            Array(board.memoryReservations) == [
                MemoryReservation(address: 0x1000_0000, size: 0x4000),
                MemoryReservation(address: 0x1234_5678_9abc_d000, size: 0x1000),
            ])
    }

    /// dtc writes the same tree in three versions of the format, which must read the same.
    @Test(arguments: Trees.compiled)
    func nodes(name: String) throws {
        let tree = try FlattenedTree(Trees.bytes(name))
        #expect(tree.root.children.map(\.name) == ["aliases", "memory@80000000", "soc"])
        let soc = try #require(tree.node(at: "/soc"))
        #expect(soc.children.map(\.name) == ["serial@1000", "serial@2000", "interrupt-controller@3000"])
        let serial = try #require(soc.subnode(named: "serial@1000"))
        // Before version 16, dtc adds a property for the name.
        #expect(
            serial.properties.map(\.name).filter { $0 != "name" } == ["compatible", "reg", "clock", "interrupt-parent"])
        #expect(serial.property("reg")?.cells == [0x1000, 0x100])
        #expect(serial.property("clock")?.u64() == 0x1_0000_0000)
        #expect(serial.property("clock")?.u64(.littleEndian) == 0x0100_0000)
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
    }

    @Test func values() throws {
        let node = try #require(board.node(at: "/soc/interrupt-controller"))
        #expect(node.property("interrupt-controller")?.bytes == [])
        #expect(node.property("interrupt-controller")?.string == nil)
        #expect(node.property("interrupt-controller")?.cells == [])
        #expect(node.property("mac")?.bytes == [2, 0, 0x5e])
        #expect(node.property("mac")?.u32() == nil)
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
        let tree = try FlattenedTree(Trees.bytes("linux-7.1/kho-root.dtb"))
        #expect(tree.root.property("preserved-memory-map")?.u64(.littleEndian) == 0x4a_6000)
        #expect(tree.root.property("preserved-memory-map")?.u32() == nil)
        #expect(tree.root.children.map(\.name) == ["memblock", "LUO", "kho_test", "kexec-metadata"])
        #expect(tree.node(at: "/LUO")?.property("blob-size")?.u64(.littleEndian) == 311)
    }

    /// Trees are values: equal bytes are equal trees, whatever followed them.
    @Test func equality() throws {
        let bytes = try Trees.bytes("board.dtb")
        #expect(try FlattenedTree(bytes + [1, 2, 3]) == board)
        #expect(try FlattenedTree(bytes + [1, 2, 3]).bytes == bytes)
        #expect(try FlattenedTree(Trees.bytes("board-v16.dtb")) != board)
    }
}
