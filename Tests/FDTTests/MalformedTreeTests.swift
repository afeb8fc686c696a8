import Testing

@testable import FDT

/// A tree that libfdt rejects, and its error.
struct MalformedTree: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let code: FDTError.Code
    let operation: String
    let bytes: [UInt8]

    init(
        _ name: String, _ code: FDTError.Code, in operation: String = "fdt_check_full",
        _ change: (inout RawTree) -> Void
    ) {
        testDescription = name
        self.code = code
        self.operation = operation
        var tree = RawTree()
        change(&tree)
        bytes = tree.bytes
    }

    init(_ name: String, _ code: FDTError.Code, bytes: [UInt8]) {
        testDescription = name
        self.code = code
        operation = "fdt_check_full"
        self.bytes = bytes
    }

    private typealias T = RawTree

    static let header = [
        MalformedTree("no bytes", .truncated, bytes: []),
        MalformedTree("less than the oldest header", .truncated, bytes: Array(RawTree().bytes.prefix(27))),
        MalformedTree("less than the header", .truncated, bytes: Array(RawTree().bytes.prefix(39))),
        MalformedTree("the header alone", .truncated, bytes: Array(RawTree().bytes.prefix(40))),
        MalformedTree("a byte short", .truncated, bytes: RawTree().bytes.dropLast()),
        MalformedTree("bad magic", .badMagic) { $0.magic = 0xd00d_feee },
        MalformedTree("magic of an unfinished tree", .badMagic) { $0.magic = ~0xd00d_feed },
        MalformedTree("little-endian magic", .badMagic) { $0.magic = 0xedfe_0dd0 },
        MalformedTree("version 0", .badVersion) {
            $0.version = 0
            $0.lastCompatible = 0
        },
        MalformedTree("version 1", .badVersion) {
            $0.version = 1
            $0.lastCompatible = 1
        },
        MalformedTree("a version for newer readers only", .badVersion) {
            $0.version = 18
            $0.lastCompatible = 18
        },
        MalformedTree("version below the compatible one", .badVersion) {
            $0.version = 16
            $0.lastCompatible = 17
        },
        MalformedTree("totalsize 0", .truncated) { $0.totalSize = 0 },
        MalformedTree("totalsize below the header", .truncated) { $0.totalSize = 39 },
        MalformedTree("totalsize that ends in the structure", .truncated) { $0.totalSize = 60 },
        MalformedTree("totalsize above the bytes", .truncated) { $0.totalSize = 4096 },
        MalformedTree("totalsize above 2 GiB", .truncated) { $0.totalSize = 0x8000_0000 },
        MalformedTree("totalsize of all ones", .truncated) { $0.totalSize = .max },
    ]

    static let layout = [
        MalformedTree("reservations in the header", .truncated) { $0.reservationsOffset = 36 },
        MalformedTree("reservations past the end", .truncated) { $0.reservationsOffset = 4096 },
        MalformedTree("reservations at all ones", .truncated) { $0.reservationsOffset = .max },
        MalformedTree("reservations without a terminator", .truncated) { $0.reservations = [0, 1, 0, 1] },
        MalformedTree("structure in the header", .truncated) { $0.structureOffset = 4 },
        MalformedTree("structure past the end", .truncated) { $0.structureOffset = 4096 },
        MalformedTree("structure at all ones", .truncated) { $0.structureOffset = .max },
        MalformedTree("structure longer than the tree", .truncated) { $0.structureSize = 4096 },
        MalformedTree("structure whose end overflows", .truncated) { $0.structureSize = .max },
        MalformedTree("strings in the header", .truncated) { $0.stringsOffset = 4 },
        MalformedTree("strings past the end", .truncated) { $0.stringsOffset = 4096 },
        MalformedTree("strings longer than the tree", .truncated) { $0.stringsSize = 4096 },
        MalformedTree("strings whose end overflows", .truncated) { $0.stringsSize = .max },
    ]

    static let structure = [
        MalformedTree("no structure", .truncated) { $0.structure = [] },
        MalformedTree("no end", .truncated) { $0.structure = [T.begin, 0, T.endNode] },
        MalformedTree("no end in version 16", .badStructure) {
            $0.version = 16
            $0.structure = [T.begin, 0, T.endNode]
            $0.strings = [1, 2, 3, 4]
        },
        MalformedTree("half an end tag", .truncated) { $0.structureSize = 14 },
        MalformedTree("end within the root", .badStructure) { $0.structure = [T.begin, 0, T.end] },
        MalformedTree("end within a node", .badStructure) {
            $0.structure = [T.begin, 0, T.begin, word("a"), T.endNode, T.end]
        },
        MalformedTree("a node ends that did not begin", .badStructure) { $0.structure = [T.endNode, T.end] },
        MalformedTree("the root ends twice", .badStructure) {
            $0.structure = [T.begin, 0, T.endNode, T.endNode, T.end]
        },
        MalformedTree("two roots", .badStructure) {
            $0.structure = [T.begin, 0, T.endNode, T.begin, 0, T.endNode, T.end]
        },
        MalformedTree("a property after the root", .badStructure) {
            $0.structure = [T.begin, 0, T.endNode, T.prop, 0, 0, T.end]
            $0.strings = [97, 0]
        },
        MalformedTree("a root with a name", .badStructure) { $0.structure = [T.begin, word("a"), T.endNode, T.end] },
        MalformedTree("a nop before the root", .badOffset, in: "fdt_get_name") {
            $0.structure = [T.nop, T.begin, 0, T.endNode, T.end]
        },
        MalformedTree("a nop after the root", .badStructure) {
            $0.structure = [T.begin, 0, T.endNode, T.nop, T.end]
        },
        MalformedTree("no root", .badOffset, in: "fdt_get_name") { $0.structure = [T.end] },
        MalformedTree("a property before the root", .badOffset, in: "fdt_get_name") {
            $0.structure = [T.prop, 0, 0, T.begin, 0, T.endNode, T.end]
            $0.strings = [97, 0]
        },
        MalformedTree("a property and no root", .badOffset, in: "fdt_get_name") {
            $0.structure = [T.prop, 0, 0, T.end]
            $0.strings = [97, 0]
        },
        MalformedTree("a tag that is none", .badStructure) { $0.structure = [T.begin, 0, 5, T.endNode, T.end] },
        MalformedTree("tag 0", .badStructure) { $0.structure = [T.begin, 0, 0, T.endNode, T.end] },
        MalformedTree("a node's name without a NUL", .badStructure) {
            $0.structure = [T.begin, 0, T.begin, 0x6161_6161]
        },
        MalformedTree("version 3 with a root that is not a path", .badStructure, in: "fdt_get_name") {
            $0.version = 3
            $0.lastCompatible = 2
        },
    ]

    static let properties = [
        MalformedTree("a property without a length", .badStructure) { $0.structure = [T.begin, 0, T.prop] },
        MalformedTree("a property without a name", .badStructure) { $0.structure = [T.begin, 0, T.prop, 0] },
        property("a value that is cut", .badStructure, length: 8),
        property("a value past the end", .badStructure, length: 4096),
        // Undefined in libfdt, which adds the offset as an int.
        property("a length that overflows 31 bits", .badStructure, in: "fdt_next_tag", length: 0x7fff_fff0),
        property("a length that overflows 32 bits", .badStructure, in: "fdt_next_tag", length: 0xffff_fff0),
        property("a length of all ones", .badStructure, in: "fdt_next_tag", length: .max),
        // libfdt 1.6 would not return from the first, and would treat the others as properties.
        property("a length back to its own tag", .badStructure, in: "fdt_next_tag", length: 0xffff_fff4),
        property("a length back to its own length", .badStructure, in: "fdt_next_tag", length: 0xffff_fff8),
        property("a length back to its own name", .badStructure, in: "fdt_next_tag", length: 0xffff_fffc),
        property("a name past the strings", .badOffset, name: 2),
        property("a name far past the strings", .badOffset, name: 4096),
        property("a name at a negative offset", .badOffset, name: 0x8000_0000),
        property("a name at all ones", .badOffset, name: .max),
        property("a name without a NUL", .truncated, strings: [97, 97]),
        property("a name and no strings", .badOffset, strings: []),
    ]

    private static func property(
        _ title: String, _ code: FDTError.Code, in operation: String = "fdt_check_full", length: UInt32 = 4,
        name: UInt32 = 0,
        strings: [UInt8] = [97, 0]
    ) -> MalformedTree {
        MalformedTree(title, code, in: operation) {
            // The truncated value does not even leave room for the two tags that should follow it.
            $0.structure = [T.begin, 0, T.prop, length, name, 0]
            if length == 4 { $0.structure += [T.endNode, T.end] }
            $0.strings = strings
        }
    }
}

@Suite struct MalformedTrees {
    @Test(arguments: MalformedTree.header + MalformedTree.layout + MalformedTree.structure + MalformedTree.properties)
    func isRefused(_ malformed: MalformedTree) {
        let error = #expect(throws: FDTError.self) { _ = try FlattenedTree(malformed.bytes) }
        #expect(error?.code == malformed.code)
        #expect(error?.operation == malformed.operation)
    }

    /// Rejected trees can be inspected, with a report of what is wrong.
    @Test(arguments: MalformedTree.header + MalformedTree.layout + MalformedTree.structure + MalformedTree.properties)
    func isExplained(_ malformed: MalformedTree) {
        #expect(!PartialTree(malformed.bytes).missing.isEmpty)
    }

    @Test func theErrorSaysWhere() throws {
        let cut = try Trees.bytes("linux-7.1/kho-root-cut.dtb")
        let error = #expect(throws: FDTError.self) { _ = try FlattenedTree(cut) }
        #expect(
            error?.description
                == "fdt_check_full: FDT_ERR_TRUNCATED: tree: 233 of its 405 bytes are present")
    }

    @Test func everyCodeHasItsText() {
        #expect(FDTError.Code.truncated.description == "FDT_ERR_TRUNCATED")
        #expect(FDTError.Code.badFlags.description == "FDT_ERR_BADFLAGS")
        #expect(FDTError.Code(rawValue: 0).description == "FDT_ERR 0")
        #expect(FDTError.Code(rawValue: -1).description == "FDT_ERR -1")
        #expect(FDTError.Code(rawValue: .max).description == "FDT_ERR 2147483647")
        #expect(
            FDTError(.notFound, in: "fdt_path_offset", at: "/a").description == "fdt_path_offset: FDT_ERR_NOTFOUND: /a")
    }
}

/// Unusual trees that libfdt accepts, so that we must, too.
@Suite struct OddTrees {
    private typealias T = RawTree

    @Test func theLeast() throws {
        let tree = try FlattenedTree(RawTree().bytes)
        #expect(tree.root.name.isEmpty)
        #expect(Array(tree.root.children).isEmpty)
        #expect(Array(tree.root.properties).isEmpty)
        #expect(PartialTree(tree.bytes).missing.isEmpty)
    }

    @Test func nops() throws {
        var raw = RawTree()
        raw.structure = [
            T.begin, 0, T.nop, T.prop, 4, 0, 7, T.nop, T.nop, T.begin, word("a"), T.nop, T.endNode, T.nop, T.endNode,
            T.end,
        ]
        raw.strings = [112, 0]
        let tree = try FlattenedTree(raw.bytes)
        #expect(tree.root.property("p")?.u32() == 7)
        #expect(tree.root.children.map(\.name) == ["a"])
        #expect(Steps(scanning: tree).texts.count { $0 == "nop" } == 5)
        #expect(PartialTree(raw.bytes).missing.isEmpty)
    }

    @Test func blocksAtOddOffsets() throws {
        var raw = RawTree()
        raw.gap = 1
        raw.structure = [T.begin, 0, T.prop, 4, 0, 7, T.endNode, T.end]
        raw.strings = [112, 0]
        #expect(try FlattenedTree(raw.bytes).root.property("p")?.u32() == 7)
        #expect(PartialTree(raw.bytes).missing.isEmpty)
    }

    @Test func bytesAtAnyAddress() throws {
        let bytes = try Trees.bytes("linux-7.1/LUO.dtb")
        for shift in 0..<8 {
            let shifted = [UInt8](repeating: 0xff, count: shift) + bytes + [0xff, 0xff]
            let tree = try FlattenedTree(bytes: shifted.span.bytes.extracting(shift...))
            #expect(tree.bytes == bytes)
        }
    }

    /// `fdt_first_property_offset` and related functions stop at the first subnode; a scan does not.
    @Test func propertyAfterSubnode() throws {
        var raw = RawTree()
        raw.structure = [T.begin, 0, T.begin, word("a"), T.endNode, T.prop, 4, 0, 7, T.endNode, T.end]
        raw.strings = [112, 0]
        let tree = try FlattenedTree(raw.bytes)
        #expect(tree.root.property("p") == nil)
        #expect(Steps(scanning: tree).texts == ["{", "a{", "}", "p=[0, 0, 0, 7]", "}"])
        #expect(PartialTree(raw.bytes).root?.properties.map(\.name) == ["p"])
    }

    @Test func namesThatAreNotUTF8() throws {
        var raw = RawTree()
        raw.structure = [T.begin, 0, T.prop, 0, 0, T.begin, 0x61ff_6200, T.endNode, T.endNode, T.end]
        raw.strings = [0xfe, 112, 0]
        let tree = try FlattenedTree(raw.bytes)
        #expect(tree.root.children.map(\.name) == ["a\u{fffd}b"])
        #expect(tree.root.properties.map(\.name) == ["\u{fffd}p"])
    }
}
