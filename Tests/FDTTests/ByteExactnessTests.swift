import Testing

@testable import FDT

/// Checks that the kernel's calls, made through this module, produce the kernel's bytes.
@Suite struct ByteExactness {
    struct Subtree {
        let name: String
        let address: UInt64
        var size: UInt64?
    }

    /// The root as KHO creates it before any subtree is registered: one sequential pass into a page.
    func emptyRoot(compatible: String, memoryMap: UInt64) throws -> FlattenedTree {
        var writer = try SequentialWriter(capacity: 4096)
        try writer.finishReservations()
        try writer.node("") { (root) throws(FDTError) in
            try root.property("compatible", string: compatible)
            try root.property("preserved-memory-map", u64: memoryMap, .littleEndian)
        }
        return try writer.finish()
    }

    /// The root after registration: each subtree is added to the same page, which is packed each time.
    func root(compatible: String, memoryMap: UInt64, subtrees: [Subtree]) throws -> [UInt8] {
        var editor = try TreeEditor(
            opening: emptyRoot(compatible: compatible, memoryMap: memoryMap), capacity: 4096)
        var tree = try editor.pack()
        for subtree in subtrees {
            let node = try editor.addSubnode(subtree.name)
            if let size = subtree.size {
                try editor.setProperty("preserved-data", of: node, u64: subtree.address, .littleEndian)
                try editor.setProperty("blob-size", of: node, u64: size, .littleEndian)
            } else {
                try editor.setProperty("fdt", of: node, u64: subtree.address, .littleEndian)
            }
            tree = try editor.pack()
        }
        return tree.bytes
    }

    @Test func rootOf7_1() throws {
        let bytes = try root(
            compatible: "kho-v3", memoryMap: 0x4a_6000,
            subtrees: [
                Subtree(name: "kexec-metadata", address: 0x4c_1000, size: 73),
                Subtree(name: "kho_test", address: 0x4d_6000, size: 240),
                Subtree(name: "LUO", address: 0xe7_c000, size: 311),
                Subtree(name: "memblock", address: 0xe6_d000, size: 210),
            ])
        #expect(try bytes == Trees.bytes("linux-7.1/kho-root.dtb"))
    }

    @Test func rootOf7_3() throws {
        let bytes = try root(
            compatible: "kho-v4", memoryMap: 0x4c_8000,
            subtrees: [
                Subtree(name: "kexec-metadata", address: 0x4c_f000, size: 73),
                Subtree(name: "kho_test", address: 0x50_6000, size: 240),
                Subtree(name: "LUO", address: 0xea_2000, size: 32),
                Subtree(name: "memblock", address: 0xe9_c000, size: 210),
            ])
        #expect(try bytes == Trees.bytes("linux-7.3/kho-root.dtb"))
    }

    @Test func rootOf6_19() throws {
        let bytes = try root(
            compatible: "kho-v1", memoryMap: 0x20d_5000,
            subtrees: [
                Subtree(name: "kho_test", address: 0x4a_8000),
                Subtree(name: "LUO", address: 0x208_3000),
                Subtree(name: "memblock", address: 0x207_a000),
            ])
        #expect(try bytes == Trees.bytes("linux-6.19/kho-root.dtb"))
    }

    /// Up to 6.18, everything is written in one pass, with subtrees in registration order.
    @Test func rootOf6_18() throws {
        var writer = try SequentialWriter(capacity: 4096)
        try writer.finishReservations()
        try writer.node("") { (root) throws(FDTError) in
            try root.property("compatible", string: "kho-v1")
            try root.property("preserved-memory-map", u64: 0x209_2000, .littleEndian)
            try root.node("kho_test") { (node) throws(FDTError) in
                try node.property("fdt", u64: 0x4b_6000, .littleEndian)
            }
            try root.node("memblock") { (node) throws(FDTError) in
                try node.property("fdt", u64: 0x207_3000, .littleEndian)
            }
        }
        let tree = try writer.finish()
        #expect(try tree.bytes == Trees.bytes("linux-6.18/kho-root.dtb"))
        #expect(tree.header.memoryReservationOffset == 48)
    }

    /// Rewrites every tree that the kernel writes in one pass from what was read.
    @Test(arguments: [
        "linux-6.18/kho-root", "linux-6.18/memblock", "linux-6.18/kho_test",
        "linux-6.19/LUO", "linux-6.19/memblock", "linux-6.19/kho_test",
        "linux-7.1/LUO", "linux-7.1/memblock", "linux-7.1/kho_test",
        "linux-7.3/memblock", "linux-7.3/kho_test",
    ])
    func sequentialTreesRewritten(name: String) throws {
        let captured = try Trees.bytes("\(name).dtb")
        let tree = try FlattenedTree(captured)
        #expect(tree.header.memoryReservationOffset == 48)
        #expect(try rewrite(tree, with: SequentialWriter(capacity: 4096)).bytes == captured)
        #expect(try rewrite(tree, with: SequentialWriter(growing: 64)).bytes == captured)
    }

    @Test func stateOf7_1() throws {
        var writer = try SequentialWriter(capacity: 4096)
        try writer.finishReservations()
        try writer.node("") { (root) throws(FDTError) in
            try root.property("compatible", string: "luo-v1")
            try root.property("liveupdate-number", u64: 1, .littleEndian)
            try root.node("luo-session") { (node) throws(FDTError) in
                try node.property("compatible", string: "luo-session-v2")
                try node.property("luo-session-header", u64: 0xf8_0000, .littleEndian)
            }
            try root.node("luo-flb") { (node) throws(FDTError) in
                try node.property("compatible", string: "luo-flb-v1")
                try node.property("luo-flb-header", u64: 0xe7_b000, .littleEndian)
            }
        }
        #expect(try writer.finish().bytes == Trees.bytes("linux-7.1/LUO.dtb"))
    }

    @Test func stateOf6_19() throws {
        var writer = try SequentialWriter(capacity: 4096)
        try writer.finishReservations()
        try writer.beginNode("")
        try writer.property("compatible", string: "luo-v1")
        try writer.property("liveupdate-number", u64: 1, .littleEndian)
        try writer.beginNode("luo-session")
        try writer.property("compatible", string: "luo-session-v2")
        try writer.property("luo-session-header", u64: 0x20a_0000, .littleEndian)
        try writer.endNode()
        try writer.endNode()
        #expect(try writer.finish().bytes == Trees.bytes("linux-6.19/LUO.dtb"))
    }

    /// Opening and packing a packed tree does not change it.
    @Test(arguments: ["linux-6.19/kho-root.dtb", "linux-7.1/kho-root.dtb", "linux-7.3/kho-root.dtb", "board.dtb"])
    func packingIsIdempotent(name: String) throws {
        let tree = try FlattenedTree(Trees.bytes(name))
        #expect(tree.header.memoryReservationOffset == 40)
        var editor = try TreeEditor(opening: tree, capacity: tree.totalSize)
        #expect(try editor.pack() == tree)
        #expect(try editor.pack() == tree)
    }
}

/// Rewrites a tree while walking it.
func rewrite(_ tree: FlattenedTree, with writer: SequentialWriter) throws(FDTError) -> FlattenedTree {
    var writer = writer
    for reservation in tree.memoryReservations {
        try writer.addReservation(address: reservation.address, size: reservation.size)
    }
    try writer.finishReservations()
    for event in tree.walk {
        switch event {
        case .beginNode(let node, depth: _): try writer.beginNode(node.name)
        case .property(let property): try writer.property(property.name, bytes: property.bytes)
        case .endNode: try writer.endNode()
        case .nop: break
        }
    }
    return try writer.finish()
}
