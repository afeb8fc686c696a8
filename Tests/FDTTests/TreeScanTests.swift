import Testing

@testable import FDT

/// Compares scans with walks, which call libfdt for every step.
@Suite struct TreeScans {
    @Test(arguments: Trees.captures + Trees.compiled)
    func aScanIsAWalk(name: String) throws {
        let tree = try FlattenedTree(Trees.bytes(name))
        let scanned = Steps(scanning: tree)
        #expect(scanned == Steps(walking: tree))
        #expect(scanned.depths.last == 0)
    }

    @Test func everythingInItsOrder() throws {
        var raw = RawTree()
        raw.structure = [
            RawTree.begin, 0, RawTree.prop, 4, 0, 7, RawTree.nop, RawTree.begin, word("a"), RawTree.endNode,
            RawTree.prop, 0, 1, RawTree.endNode, RawTree.end,
        ]
        raw.strings = Array("pq".utf8) + [0]
        let steps = Steps(scanning: try FlattenedTree(raw.bytes))
        #expect(steps.texts == ["{", "pq=[0, 0, 0, 7]", "nop", "a{", "}", "q=[]", "}"])
        #expect(steps.depths == [0, 1, 0])
    }

    /// More names than are cached, some of them parts of others.
    @Test func manyNames() throws {
        var writer = try SequentialWriter()
        try writer.finishReservations()
        try writer.node("") { (root) throws(FDTError) in
            for round in 0..<3 {
                try root.node("n\(round)") { (node) throws(FDTError) in
                    for index in 0..<100 {
                        try node.property(String(repeating: "p", count: index % 37 + 1) + "\(index)")
                    }
                }
            }
        }
        let tree = try writer.finish()
        #expect(Steps(scanning: tree) == Steps(walking: tree))
    }

    @Test func bytesAreShared() throws {
        let bytes = try Trees.bytes("board.dtb")
        let tree = try FlattenedTree(bytes)
        #expect(bytes.withUnsafeBytes { $0.baseAddress } == tree.bytes.withUnsafeBytes { $0.baseAddress })
    }
}

/// The steps of a scan or a walk.
struct Steps: Equatable {
    private(set) var texts: [String] = []
    /// The depths of the nodes that begin, and 0 after them.
    private(set) var depths: [Int] = []

    init(scanning tree: FlattenedTree) {
        tree.scan { step in
            switch step {
            case .beginNode(let name, let depth):
                texts.append("\(name.string){")
                depths.append(depth)
            case .property(let name, let value): texts.append("\(name.string)=\(value.array)")
            case .endNode: texts.append("}")
            case .nop: texts.append("nop")
            }
        }
        depths.append(0)
    }

    init(walking tree: FlattenedTree) {
        for event in tree.walk {
            switch event {
            case .beginNode(let node, let depth):
                texts.append("\(node.name){")
                depths.append(depth)
            case .property(let property): texts.append("\(property.name)=\(property.bytes)")
            case .endNode: texts.append("}")
            case .nop: texts.append("nop")
            }
        }
        depths.append(0)
    }
}
