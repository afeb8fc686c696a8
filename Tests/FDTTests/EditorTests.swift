import Testing

@testable import FDT

@Suite struct Editing {
    let board: FlattenedTree

    init() throws { board = try FlattenedTree(Trees.bytes("board.dtb")) }

    @Test func nodes() throws {
        var editor = try TreeEditor(opening: board, capacity: 4096)
        let serial = try editor.addSubnode("serial@4000", to: "/soc")
        #expect(serial == "/soc/serial@4000")
        try editor.setProperty("compatible", of: serial, bytes: Array("a\0b\0".utf8))
        try editor.setProperty("reg", of: serial, u64: 0x4000_0000_0100)
        try editor.setProperty("on", of: serial)
        let tree = try editor.pack()
        let node = try #require(tree.node(at: "/soc/serial@4000"))
        // The last property set comes first, and so does the last node added.
        #expect(node.properties.map(\.name) == ["on", "reg", "compatible"])
        #expect(node.isCompatible(with: "b"))
        #expect(node.property("reg")?.cells == [0x4000, 0x100])
        #expect(tree.node(at: "/soc")?.children.first { _ in true } == node)
        // The original tree is unchanged.
        #expect(try board == FlattenedTree(Trees.bytes("board.dtb")))
    }

    @Test func properties() throws {
        var editor = try TreeEditor(opening: board, capacity: 4096)
        try editor.setProperty("model", of: "/", bytes: Array("A longer name than before\0".utf8))
        try editor.setProperty("number", of: "/")
        try editor.setProperty("number", of: "/", u64: 2)
        let tree = try editor.pack()
        #expect(tree.root.property("model")?.string == "A longer name than before")
        #expect(tree.root.property("number")?.u64() == 2)
        #expect(tree.root.children.map(\.name) == board.root.children.map(\.name))
    }

    @Test func refusals() throws {
        var editor = try TreeEditor(opening: board, capacity: 4096)
        let before = try editor.pack()
        let refusals: [(FDTError.Code, (inout TreeEditor) throws(FDTError) -> Void)] = [
            (.exists, { (editor) throws(FDTError) in try editor.addSubnode("soc") }),
            (.exists, { (editor) throws(FDTError) in try editor.addSubnode("memory") }),
            (.notFound, { (editor) throws(FDTError) in try editor.addSubnode("a", to: "/none") }),
            (.notFound, { (editor) throws(FDTError) in try editor.setProperty("a", of: "/none") }),
            (.badPath, { (editor) throws(FDTError) in try editor.setProperty("a", of: "serial0") }),
            (.badPath, { (editor) throws(FDTError) in try editor.setProperty("a", of: "") }),
            (.badValue, { (editor) throws(FDTError) in try editor.addSubnode("") }),
            (.badValue, { (editor) throws(FDTError) in try editor.addSubnode("a/b") }),
            (.badValue, { (editor) throws(FDTError) in try editor.setProperty("a\0", of: "/") }),
            (
                .noSpace,
                { (editor) throws(FDTError) in
                    try editor.setProperty("a", of: "/", bytes: [UInt8](repeating: 0, count: 4096))
                }
            ),
        ]
        for (code, edit) in refusals {
            let error = #expect(throws: FDTError.self) { try edit(&editor) }
            #expect(error?.code == code)
            #expect(error?.location != nil)
        }
        #expect(try editor.pack() == before)
    }

    @Test func capacity() throws {
        #expect(throws: FDTError(.noSpace, in: "fdt_open_into", at: "a tree of 861 bytes in 100")) {
            _ = try TreeEditor(opening: board, capacity: 100)
        }
        #expect(throws: FDTError.self) { _ = try TreeEditor(opening: board, capacity: -1) }
        var editor = try TreeEditor(opening: board, capacity: board.totalSize)
        #expect(throws: FDTError.self) { try editor.addSubnode("new") }
    }

    /// Older versions of the format are converted to version 17.
    @Test(arguments: ["board-v16.dtb", "board-v3.dtb"])
    func oldVersions(name: String) throws {
        let old = try FlattenedTree(Trees.bytes(name))
        do throws(FDTError) {
            var editor = try TreeEditor(opening: old, capacity: 4096)
            let tree = try editor.pack()
            #expect(tree.header.version == 17)
            #expect(tree.root.children.map(\.name) == old.root.children.map(\.name))
        } catch {
            // fdt_open_into accepts version 16 and later.
            #expect(name == "board-v3.dtb")
            #expect(error.code == .badVersion)
        }
    }
}
