import TestSupport
import Testing

@testable import FDT

/// Damaged copies of captured and compiled trees: nothing traps, accepted trees can be read completely, and the two
/// readers agree on which trees are complete.
@Suite struct Mutations {
    @Test(arguments: Trees.captures + Trees.compiled)
    func everyPrefix(name: String) throws {
        let bytes = try Trees.bytes(name)
        for count in 0..<bytes.count {
            let prefix = Array(bytes.prefix(count))
            if (try? FlattenedTree(prefix)) != nil { Issue.record("accepted the first \(count) bytes") }
            examine(prefix, "the first \(count) bytes")
        }
        examine(bytes, "the whole")
    }

    @Test(arguments: ["linux-6.18/kho-root.dtb", "linux-7.1/kho-root.dtb", "linux-7.1/LUO.dtb"])
    func everyBit(name: String) throws {
        let bytes = try Trees.bytes(name)
        for index in bytes.indices {
            for bit in 0..<8 {
                var damaged = bytes
                damaged[index] ^= 1 << bit
                examine(damaged, "bit \(bit) of byte \(index)")
            }
        }
    }

    /// Words where they do most harm: at each place, each value that is meaningful or a boundary case.
    @Test(arguments: ["linux-7.1/LUO.dtb", "board-v3.dtb"])
    func everyWord(name: String) throws {
        let bytes = try Trees.bytes(name)
        let edges: [UInt32] = [
            0, 1, 2, 3, 4, 9, 15, 16, 17, 0x28, 0x7fff_ffff, 0x8000_0000, 0xffff_fff0, 0xffff_fff4, .max,
            UInt32(bytes.count),
        ]
        for start in stride(from: 0, through: bytes.count - 4, by: 4) {
            for edge in edges {
                var damaged = bytes
                for byte in 0..<4 { damaged[start + byte] = UInt8(truncatingIfNeeded: edge >> (24 - 8 * byte)) }
                examine(damaged, "\(edge) at \(start)")
            }
        }
    }

    /// Several bytes at once, from a deterministic generator.
    @Test(arguments: Trees.captures + Trees.compiled)
    func manyBytes(name: String) throws {
        let bytes = try Trees.bytes(name)
        var random = SplitMix64(seed: UInt64(bytes.count))
        for round in 0..<100 {
            var damaged = bytes
            for _ in 0..<Int.random(in: 2...8, using: &random) {
                damaged[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(
                    in: .min ... .max, using: &random)
            }
            examine(damaged, "round \(round)")
        }
    }

    /// Not a tree at all.
    @Test func noise() {
        var random = SplitMix64(seed: 1)
        for _ in 0..<2000 {
            var bytes = (0..<Int.random(in: 0..<200, using: &random)).map { _ in
                UInt8.random(in: .min ... .max, using: &random)
            }
            bytes.replaceSubrange(0..<min(4, bytes.count), with: [0xd0, 0x0d, 0xfe, 0xed].prefix(bytes.count))
            #expect(throws: FDTError.self) { _ = try FlattenedTree(bytes) }
            examine(bytes, "noise")
        }
    }

    /// Uses expectations only for failures: there are thousands of cases.
    private func examine(_ bytes: [UInt8], _ what: String) {
        let partial = PartialTree(bytes)
        if !readAll(partial) { Issue.record("\(what): not within the bytes") }
        do throws(FDTError) {
            let tree = try FlattenedTree(bytes)
            if !readAll(tree) { Issue.record("\(what): contradicts itself") }
            if !partial.missing.isEmpty { Issue.record("\(what): accepted by libfdt, but \(partial.missing)") }
            if !agree(tree, partial) { Issue.record("\(what): read differently") }
            if Steps(scanning: tree) != Steps(walking: tree) { Issue.record("\(what): scanned differently") }
            if let verdict = tree.storage.libfdtVerdict() { Issue.record("\(what): accepted, but \(verdict)") }
        } catch {
            if partial.missing.isEmpty { Issue.record("\(what): whole, but \(error)") }
            if error.location == nil { Issue.record("\(what): no location: \(error)") }
        }
    }

    /// Whether both readers see the same nodes and properties.
    private func agree(_ tree: FlattenedTree, _ partial: PartialTree) -> Bool {
        var open: [PartialTree.Node] = []
        var nextProperty: [Int] = []
        var nextNode = 0
        for event in tree.walk {
            switch event {
            case .beginNode(let node, let depth):
                guard partial.nodes.indices.contains(nextNode) else { return false }
                let other = partial.nodes[nextNode]
                guard other.name == node.name, other.depth == depth, other.hasEnd else { return false }
                open.append(other)
                nextProperty.append(0)
                nextNode += 1
            case .property(let property):
                guard let node = open.last, let index = nextProperty.last, index < node.properties.count else {
                    return false
                }
                let other = node.properties[index]
                guard other.name == property.name, other.bytes == property.bytes, other.isWhole else { return false }
                nextProperty[nextProperty.count - 1] += 1
            case .endNode:
                guard open.popLast()?.properties.count == nextProperty.popLast() else { return false }
            case .nop:
                break
            }
        }
        return nextNode == partial.nodes.count && open.isEmpty
            && partial.memoryReservations == Array(tree.memoryReservations)
    }

    private func readAll(_ partial: PartialTree) -> Bool {
        var isSound = partial.missing.allSatisfy { !$0.description.isEmpty }
        for node in partial.nodes {
            isSound = isSound && partial.children(of: node).allSatisfy { $0.parent == node.index }
            isSound = isSound && partial.path(of: node).hasPrefix("/")
            for property in node.properties {
                isSound = isSound && property.count <= property.declaredCount
                _ = (property.name, property.strings, property.cells)
            }
        }
        return isSound
    }

    /// Queries everything in a tree, and checks that the answers are consistent.
    private func readAll(_ tree: FlattenedTree) -> Bool {
        var isSound = true
        var nodes = 0
        for event in tree.walk {
            switch event {
            case .beginNode(let node, let depth):
                nodes += 1
                isSound = isSound && (node == tree.root) == (depth == 0)
                _ = (node.name, node.isCompatible(with: "acme,board"))
            case .property(let property):
                _ = (property.name, property.bytes, property.strings, property.u64())
            case .endNode, .nop:
                break
            }
        }
        var queue = [tree.root]
        while let node = queue.popLast() {
            nodes -= 1
            queue += node.children
            for property in node.properties {
                // A repaired name is not the actual name.
                isSound = isSound && (node.property(property.name) != nil || property.name.contains("\u{fffd}"))
            }
        }
        _ = (Array(tree.memoryReservations), tree.node(at: "/soc/serial"))
        return isSound && nodes == 0
    }
}
