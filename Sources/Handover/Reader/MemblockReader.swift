import FDT
import KernelABI

/// Reads the FDT of `reserve_mem` regions.
struct MemblockReader {
    let abi: Generation.MemblockTree

    /// - Parameter tree: the blob as a tree, if it has been opened already.
    func read(
        _ blob: [UInt8], _ tree: FlattenedTree? = nil, at address: PhysicalAddress?, _ log: inout ReadingLog
    ) -> MemblockState? {
        do throws(FDTError) {
            if let tree { return read(tree, at: address, &log) }
            return read(try FlattenedTree(blob), at: address, &log)
        } catch {
            log.report(
                Finding(structure: abi.subtree, address: address, found: error.description, expected: "an FDT"))
            return nil
        }
    }

    private func read(
        _ tree: FlattenedTree, at address: PhysicalAddress?, _ log: inout ReadingLog
    ) -> MemblockState {
        var state = MemblockState()
        state.compatible = TreeProperties(node: tree.root, structure: abi.subtree, address: address)
            .compatible(abi.compatible, &log)
        state.regions = plainRegions(of: tree) ?? regions(of: tree, at: address, &log)
        return state
    }

    /// The regions, with a word on everything that is not as it has to be.
    private func regions(
        of tree: FlattenedTree, at address: PhysicalAddress?, _ log: inout ReadingLog
    ) -> [MemblockState.Region] {
        tree.root.children.map { node in
            let properties = TreeProperties(node: node, structure: abi.subtree, address: address)
            var region = MemblockState.Region()
            region.name = KernelString(node.name)
            region.compatible = properties.compatible(abi.regionCompatible, &log)
            region.start = properties.number(abi.startProperty, &log).map(PhysicalAddress.init(_:))
            region.size = properties.number(abi.sizeProperty, &log) ?? 0
            return region
        }
    }

    /// The regions, if all of them are as a kernel writes them: in one pass, as there may be very many. Else `nil`.
    private func plainRegions(of tree: FlattenedTree) -> [MemblockState.Region]? {
        let compatible = KernelString(abi.regionCompatible)
        let compatibleValue = compatible.bytes + [0]
        let compatibleName = Array("compatible".utf8)
        let startName = Array(abi.startProperty.utf8)
        let sizeName = Array(abi.sizeProperty.utf8)

        var regions: [MemblockState.Region] = []
        var region = MemblockState.Region()
        var size: UInt64?
        var depth = 0
        var isPlain = true
        tree.scan { step in
            switch step {
            case .beginNode(let name, _):
                depth += 1
                isPlain = isPlain && depth <= 2
                region = MemblockState.Region()
                region.name = KernelString(name.withUnsafeBytes { String(decoding: $0, as: UTF8.self) })
                size = nil
            case .property(let name, let value) where depth == 2:
                if name.isEqual(to: compatibleName), region.compatible == nil, value.isEqual(to: compatibleValue) {
                    region.compatible = compatible
                } else if name.isEqual(to: startName), region.start == nil, value.byteCount == 8 {
                    region.start = PhysicalAddress(value.littleEndian(at: 0))
                } else if name.isEqual(to: sizeName), size == nil, value.byteCount == 8 {
                    size = value.littleEndian(at: 0)
                } else {
                    isPlain = false
                }
            case .endNode:
                depth -= 1
                guard depth == 1 else { break }
                isPlain = isPlain && size != nil && region.compatible != nil && region.start != nil
                region.size = size ?? 0
                regions.append(region)
            case .property, .nop:
                break
            }
        }
        return isPlain ? regions : nil
    }
}
