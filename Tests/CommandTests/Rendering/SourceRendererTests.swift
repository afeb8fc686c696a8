import FDT
import Foundation
import Handover
import SystemPackage
import TestSupport
import Testing

@testable import luo_fdt

@Suite struct SourceRendererTests {
    @Test func writesEveryKindOfValue() throws {
        var writer = try SequentialWriter()
        try writer.addReservation(address: 0x1000, size: 0x20)
        try writer.finishReservations()
        try writer.node("") { (root) throws(FDTError) in
            try root.property("compatible", bytes: Array("kho-v4\0a \"b\\c\" /* */\0".utf8))
            try root.property("empty")
            try root.property("map", u64: 0x4a_6000, .littleEndian)
            try root.property("cell", cells: [1])
            try root.property("nul", bytes: [0])
            try root.property("two-nuls", bytes: [0x61, 0, 0, 0])
            try root.property("bytes", bytes: [1, 2, 3, 4, 5])
            try root.property("unterminated", bytes: [0x61, 0x62])
            try root.property("long", cells: Array(0..<9))
            try root.node("LUO") { (node) throws(FDTError) in
                try node.node("empty@1") { (_) throws(FDTError) in }
            }
            try root.node("second") { (_) throws(FDTError) in }
        }
        let tree = try writer.finish()
        #expect(
            text { SourceRenderer().render(tree, title: "root FDT at 0x4a6000 */ \u{1b}[m", to: &$0) } == #"""
                /* root FDT at 0x4a6000 * / \u{1b}[m, \#(tree.totalSize) bytes, version 17 */
                /dts-v1/;

                /memreserve/ 0x0000000000001000 0x0000000000000020;

                / {
                	compatible = "kho-v4", "a \"b\\c\" /* */";
                	empty;
                	map = <0x00604a00 0x00000000>; /* 0x4a6000 */
                	cell = <0x00000001>;
                	nul = [00];
                	two-nuls = <0x61000000>;
                	bytes = [01 02 03 04 05];
                	unterminated = [61 62];
                	long = <0x00000000 0x00000001 0x00000002 0x00000003 0x00000004 0x00000005 0x00000006 0x00000007
                		0x00000008>;

                	LUO {
                		empty@1 {
                		};
                	};

                	second {
                	};
                };

                """#)
    }

    @Test func namesThatTheLanguageLacksAreReplaced() throws {
        var writer = try SequentialWriter()
        try writer.finishReservations()
        try writer.node("") { (root) throws(FDTError) in
            try root.property("a:b */", u32: 1)
            try root.property("")
            try root.node("gäste/\u{1b}") { (_) throws(FDTError) in }
        }
        let tree = try writer.finish()
        let source = text { SourceRenderer().render(tree, title: "names", to: &$0) }
        #expect(source.contains(#"a_b_*_ /* the name is "a:b * /" */ = <0x00000001>;"#))
        #expect(source.contains(#"_ /* the name is "" */;"#))
        #expect(source.contains(#"g__ste__ /* the name is "gäste/\u{1b}" */ {"#))
        #expect(!source.utf8.contains(0x1b))
    }

    @Test func aPropertyBehindASubnodeIsAComment() throws {
        var writer = try SequentialWriter()
        try writer.finishReservations()
        try writer.node("") { (root) throws(FDTError) in
            try root.node("a") { (_) throws(FDTError) in }
            try root.property("late", string: "x*/y")
        }
        let tree = try writer.finish()
        let source = text { SourceRenderer().render(tree, title: "late", to: &$0) }
        #expect(source.contains(#"/* after a subnode, where readers ignore it: late = [78 2a 2f 79 00], "x* /y" */"#))
    }

    @Test func aTreeThatIsCutShortIsShownAsFarAsItGoes() throws {
        let bytes = try Fixture.bytes("captures/7.1/debugfs/sender/out/fdt")
        let source = text { SourceRenderer().render(PartialTree(bytes), title: "out/fdt", to: &$0) }
        #expect(
            source == #"""
                /* out/fdt, 233 of 405 bytes */
                /* missing: tree: 233 of its 405 bytes are present */
                /* missing: strings block: 0x15c..<0x195 is not in the 233 bytes given */
                /* missing: structure block: 0xe9..<0x15c is not in the 233 bytes given; it stops in node /kho_test, \#
                at 0xe8, before the next tag */
                /dts-v1/;

                / {
                	/* its name, at 0x15 of the strings block, is missing: ? = [6b 68 6f 2d 76 33 00], "kho-v3" */
                	/* its name, at 0x0 of the strings block, is missing: ? = [00 60 4a 00 00 00 00 00], 0x4a6000 */
                	memblock {
                		/* its name, at 0x2f of the strings block, is missing: ? = [d2 00 00 00 00 00 00 00], 0xd2 */
                		/* its name, at 0x20 of the strings block, is missing: ? = [00 d0 e6 00 00 00 00 00], 0xe6d000 */
                	};
                	LUO {
                		/* its name, at 0x2f of the strings block, is missing: ? = [37 01 00 00 00 00 00 00], 0x137 */
                		/* its name, at 0x20 of the strings block, is missing: ? = [00 c0 e7 00 00 00 00 00], 0xe7c000 */
                	};
                	kho_test {
                		/* the tree stops here */
                	};
                };

                """#)
    }

    @Test func aWholeTreeIsTheSamePartially() throws {
        let bytes = try Fixture.bytes("fdt/linux-7.1/kho-root.dtb")
        let tree = try FlattenedTree(bytes)
        let whole = text { SourceRenderer().render(tree, title: "", to: &$0) }
        let partial = text { SourceRenderer().render(PartialTree(bytes), title: "", to: &$0) }
        func lines(_ text: String) -> [Substring] { text.split(separator: "\n").dropFirst().map { $0 } }
        #expect(lines(whole) == lines(partial))
    }
}

struct SourceCompilationTests {
    static let trees = [
        "fdt/board.dtb", "fdt/board-v16.dtb", "fdt/linux-6.18/kho-root.dtb", "fdt/linux-6.18/memblock.dtb",
        "fdt/linux-6.18/kho_test.dtb", "fdt/linux-6.19/kho-root.dtb", "fdt/linux-6.19/LUO.dtb",
        "fdt/linux-6.19/memblock.dtb", "fdt/linux-7.1/kho-root.dtb", "fdt/linux-7.1/LUO.dtb",
        "fdt/linux-7.1/kho_test.dtb", "fdt/linux-7.3/kho-root.dtb", "fdt/linux-7.3/kho_test.dtb",
        "fdt/linux-7.3/memblock.dtb",
    ].map { Fixture.url($0).path() }

    /// Device trees of boards: those of Debian's qemu-system-data, if installed, and all in the directory named by
    /// `LUO_FDT_TREES`.
    static let installedTrees: [String] = {
        let named = ProcessInfo.processInfo.environment["LUO_FDT_TREES"]
        return (["/usr/share/qemu"] + [named].compactMap { $0 }).flatMap { directory in
            (FileManager.default.enumerator(atPath: directory)?.compactMap { $0 as? String } ?? [])
                .filter { $0.hasSuffix(".dtb") || $0.hasSuffix(".dtbo") }.map { "\(directory)/\($0)" }
        }
    }()

    @Test(arguments: trees + installedTrees)
    func `a tree comes through source, JSON and hex without a loss`(path: String) throws {
        let bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
        let tree = try FlattenedTree(bytes)
        try expectSameTree(tree)

        let handover = try HandoverInput(FilePath(path))
        let reading = handover.documents[0].reading
        var json: [UInt8] = []
        var writer = DocumentWriter { json += copy $0 }
        writer.write(reading.exactState(in: handover.documents[0].memory))
        let state = try DocumentReader.read(json)
        #expect(state == reading.exactState(in: handover.documents[0].memory))
        if handover.kind == "fdt" { #expect(state.kho?.subtrees?.map(\.data) == [tree.bytes]) }

        var shown = 0
        StructureAnnotator(bytes: bytes).annotate(.tree) { annotation in
            #expect(annotation.range.lowerBound == shown)
            shown = annotation.range.upperBound
        }
        #expect(shown == bytes.count)
    }

    @Test(arguments: 0..<12)
    func randomTreesCompileToThemselves(seed: UInt64) throws {
        try expectSameTree(try randomTree(seed: seed))
    }

    @Test func wideTreesCompileToThemselves() throws {
        try expectSameTree(try wideTree(2000))
    }

    private func expectSameTree(_ tree: FlattenedTree) throws {
        let source = text { SourceRenderer().render(tree, title: "a tree", to: &$0) }
        let compiled = try FlattenedTree(DeviceTreeCompiler.compile(source))
        #expect(contents(of: compiled) == contents(of: tree))
    }

    /// Everything significant in a tree, in order.
    private func contents(of tree: FlattenedTree) -> [String] {
        var list = tree.memoryReservations.map { "reserve \($0.address) \($0.size)" }
        tree.scan { step in
            switch step {
            case .beginNode(let name, let depth): list.append("node \(depth) \(name.array)")
            case .property(let name, let value): list.append("property \(name.array) \(value.array)")
            case .endNode: list.append("end")
            case .nop: break
            }
        }
        return list
    }

    private func randomTree(seed: UInt64) throws -> FlattenedTree {
        var random = SplitMix64(seed: seed)
        var writer = try SequentialWriter()
        for _ in 0..<Int.random(in: 0...3, using: &random) {
            try writer.addReservation(address: random.next(), size: random.next() | 1)
        }
        try writer.finishReservations()
        try writer.beginNode("")
        var depth = 1
        for step in 0..<200 {
            // Properties come first; dtc accepts each name only once, and generates some itself.
            for property in 0..<Int.random(in: 0...4, using: &random) {
                try writer.property("p,\(property)#._+?-\(step % 7)", bytes: value(&random))
            }
            if depth > 1, Bool.random(using: &random) {
                while depth > 1, Bool.random(using: &random) {
                    try writer.endNode()
                    depth -= 1
                }
            }
            try writer.beginNode("n,\(step)@\(String(step, radix: 16))")
            depth += 1
        }
        for _ in 0..<depth { try writer.endNode() }
        return try writer.finish()
    }

    private func value(_ random: inout SplitMix64) -> [UInt8] {
        let count = Int.random(in: 0...40, using: &random)
        switch Int.random(in: 0...3, using: &random) {
        case 0: return (0..<count).map { _ in UInt8.random(in: 0x20...0x7e, using: &random) } + [0]
        case 1: return (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
        case 2: return (0..<count).map { _ in [0, 0x61, 0x5c, 0x22, 0x0a, 0xff].randomElement(using: &random) ?? 0 }
        default: return [UInt8](repeating: 0, count: count)
        }
    }
}

func wideTree(_ count: Int) throws -> FlattenedTree {
    var writer = try SequentialWriter()
    try writer.finishReservations()
    try writer.node("") { (root) throws(FDTError) in
        for index in 0..<count {
            try root.node("node@\(String(index, radix: 16))") { (node) throws(FDTError) in
                try node.property("reg", u64: UInt64(index), .littleEndian)
            }
        }
    }
    return try writer.finish()
}

/// `dtc`, from Debian's device-tree-compiler.
enum DeviceTreeCompiler {
    private static let path = ["/usr/bin/dtc", "/usr/local/bin/dtc", "/opt/homebrew/bin/dtc"].first {
        FileManager.default.isExecutableFile(atPath: $0)
    }

    struct Refusal: Error {
        let message: String
    }

    static func compile(_ source: String) throws -> [UInt8] {
        let input = try TemporaryPath(source.utf8)
        let output = try TemporaryPath([])
        let command = try Command(
            ["-q", "-q", "-I", "dts", "-O", "dtb", "-o", output.path, input.path],
            executable: URL(filePath: try #require(path)))
        guard command.status == 0 else { throw Refusal(message: command.errors) }
        return [UInt8](try Data(contentsOf: output.url))
    }
}
