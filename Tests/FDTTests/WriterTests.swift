import TestSupport
import Testing

@testable import FDT

@Suite struct Writing {
    private func refused(_ code: FDTError.Code, _ body: () throws -> Void) {
        let error = #expect(throws: FDTError.self) { try body() }
        #expect(error?.code == code)
    }

    @Test func allValues() throws {
        var writer = try SequentialWriter(capacity: 1024)
        try writer.addReservation(address: 0x1000, size: 0x2000)
        try writer.finishReservations()
        try writer.node("") { (root) throws(FDTError) in
            try root.property("empty")
            try root.property("string", string: "über")
            try root.property("strings", bytes: Array("a\0\0b\0".utf8))
            try root.property("u32", u32: 0x0102_0304)
            try root.property("u64", u64: 0x0102_0304_0506_0708)
            try root.property("u32-le", u32: 0x0102_0304, .littleEndian)
            try root.property("u64-le", u64: 0x0102_0304_0506_0708, .littleEndian)
            try root.property("cells", cells: [1, 2])
        }
        let tree = try writer.finish()
        let root = tree.root
        #expect(Array(tree.memoryReservations) == [MemoryReservation(address: 0x1000, size: 0x2000)])
        #expect(root.property("empty")?.count == 0)
        #expect(root.property("string")?.string == "über")
        #expect(root.property("strings")?.strings == ["a", "", "b"])
        #expect(root.property("u32")?.bytes == [1, 2, 3, 4])
        #expect(root.property("u64")?.bytes == [1, 2, 3, 4, 5, 6, 7, 8])
        #expect(root.property("u32-le")?.bytes == [4, 3, 2, 1])
        #expect(root.property("u64-le")?.bytes == [8, 7, 6, 5, 4, 3, 2, 1])
        #expect(root.property("u64-le")?.u64(.littleEndian) == 0x0102_0304_0506_0708)
        #expect(root.property("cells")?.u64() == 0x1_0000_0002)
    }

    @Test func callsOutOfOrder() throws {
        var fresh = try SequentialWriter(capacity: 256)
        refused(.badState) { try fresh.beginNode("") }
        refused(.badStructure) { try fresh.endNode() }
        refused(.badStructure) { try fresh.property("a") }
        refused(.badState) { _ = try fresh.finish() }
        try fresh.finishReservations()
        refused(.badState) { try fresh.addReservation(address: 0, size: 1) }
        refused(.badState) { try fresh.finishReservations() }
        refused(.badOffset) { _ = try fresh.finish() }
        try fresh.beginNode("")
        refused(.badStructure) { _ = try fresh.finish() }
        refused(.badValue) { try fresh.beginNode("a\0b") }
        refused(.badValue) { try fresh.property("a\0b") }
        try fresh.endNode()
        #expect(try fresh.finish().root.name == "")
        try fresh.beginNode("second-root")
        try fresh.endNode()
        refused(.badStructure) { _ = try fresh.finish() }
    }

    @Test func noRoom() throws {
        refused(.noSpace) { _ = try SequentialWriter(capacity: 39) }
        refused(.noSpace) { _ = try SequentialWriter(capacity: -1) }
        var writer = try SequentialWriter(capacity: 128)
        try writer.finishReservations()
        try writer.beginNode("")
        try writer.beginNode("a")
        let error = #expect(throws: FDTError.self) {
            try writer.property("big", bytes: [UInt8](repeating: 1, count: 128))
        }
        #expect(error == FDTError(.noSpace, in: "fdt_property", at: "/a/big"))
        // None of it was written.
        try writer.property("small", u32: 1)
        try writer.endNode()
        try writer.endNode()
        let tree = try writer.finish()
        #expect(tree.node(at: "/a")?.properties.map(\.name) == ["small"])
    }

    /// A writer that grows produces the same bytes as one with enough capacity from the start.
    @Test func growing() throws {
        func write(_ writer: SequentialWriter) throws -> FlattenedTree {
            var writer = writer
            try writer.finishReservations()
            try writer.beginNode("")
            for index in 0..<500 {
                try writer.beginNode("node@\(index)")
                try writer.property("name-\(index % 7)", u64: UInt64(index))
                try writer.endNode()
            }
            try writer.endNode()
            return try writer.finish()
        }
        let grown = try write(SequentialWriter(growing: 64))
        #expect(try grown == write(SequentialWriter(capacity: 1 << 16)))
        #expect(grown.root.children.count { _ in true } == 500)
    }

    @Test func wide() throws {
        let count = 20_000
        var writer = try SequentialWriter()
        try writer.finishReservations()
        try writer.beginNode("")
        for index in 0..<count {
            try writer.beginNode("n\(index)")
            try writer.property("i", u32: UInt32(index))
            try writer.endNode()
        }
        try writer.endNode()
        let tree = try writer.finish()
        var next: UInt32 = 0
        for case .property(let property) in tree.walk {
            guard property.u32() == next else { break }
            next += 1
        }
        #expect(next == UInt32(count))
        #expect(tree.node(at: "/n19999")?.property("i")?.u32() == 19_999)
        #expect(tree.root.children.count { _ in true } == count)
        #expect(PartialTree(tree.bytes).nodes.count == count + 1)
    }

    @Test func deep() throws {
        let depth = 5_000
        var writer = try SequentialWriter()
        try writer.finishReservations()
        try writer.beginNode("")
        for _ in 0..<depth { try writer.beginNode("n") }
        for _ in 0...depth { try writer.endNode() }
        let tree = try writer.finish()
        #expect(Steps(scanning: tree).depths == Array(0...depth) + [0])
    }

    @Test(arguments: [1, 2, 3, 4, 31, 63, 64, 4096])
    func namesOfAnyLength(length: Int) throws {
        let name = String(repeating: "x", count: length)
        var writer = try SequentialWriter(growing: 64)
        try writer.finishReservations()
        try writer.node("") { (root) throws(FDTError) in
            try root.node(name) { (node) throws(FDTError) in try node.property(name, string: name) }
        }
        let tree = try writer.finish()
        #expect(tree.root.subnode(named: name)?.name == name)
        #expect(tree.node(at: "/" + name)?.property(name)?.string == name)
    }

    /// Random trees are written, read, written again and edited, without changing bytes or contents.
    @Test func roundTrips() throws {
        var random = SplitMix64(seed: 7)
        for _ in 0..<200 {
            var writer = try SequentialWriter(growing: 64)
            for _ in 0..<Int.random(in: 0..<3, using: &random) {
                try writer.addReservation(address: random.next(), size: random.next() | 1)
            }
            try writer.finishReservations()
            try writer.beginNode("")
            var depth = 1
            var written = 1
            for step in 0..<Int.random(in: 0..<60, using: &random) {
                switch Int.random(in: 0..<4, using: &random) {
                case 0:
                    try writer.beginNode("n\(step)@\(random.next() % 100)")
                    depth += 1
                    written += 1
                case 1 where depth > 1:
                    try writer.endNode()
                    depth -= 1
                default:
                    let count = Int.random(in: 0..<20, using: &random)
                    try writer.property(
                        "p\(random.next() % 9)",
                        bytes: (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &random) })
                }
            }
            for _ in 0..<depth { try writer.endNode() }
            let tree = try writer.finish()
            #expect(try rewrite(tree, with: SequentialWriter(growing: 64)) == tree)
            var editor = try TreeEditor(opening: tree, capacity: tree.totalSize + 64)
            let packed = try editor.pack()
            #expect(try rewrite(packed, with: SequentialWriter(growing: 64)) == tree)
            #expect(PartialTree(tree.bytes).nodes.count == written)
        }
    }
}
