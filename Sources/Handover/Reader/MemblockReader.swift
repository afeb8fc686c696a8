import FDT
import KernelABI

/// Reads the FDT of `reserve_mem` regions.
struct MemblockReader {
    let abi: Generation.MemblockTree

    func read(_ blob: [UInt8], at address: PhysicalAddress?, _ log: inout ReadingLog) -> MemblockState? {
        let tree: FlattenedTree
        do throws(FDTError) {
            tree = try FlattenedTree(blob)
        } catch {
            log.report(
                Finding(structure: abi.subtree, address: address, found: error.description, expected: "an FDT"))
            return nil
        }
        var state = MemblockState()
        state.compatible = TreeProperties(node: tree.root, structure: abi.subtree, address: address)
            .compatible(abi.compatible, &log)
        var regions: [MemblockState.Region] = []
        for node in tree.root.children {
            let properties = TreeProperties(node: node, structure: abi.subtree, address: address)
            var region = MemblockState.Region()
            region.name = KernelString(node.name)
            region.compatible = properties.compatible(abi.regionCompatible, &log)
            region.start = properties.number(abi.startProperty, &log).map(PhysicalAddress.init(_:))
            region.size = properties.number(abi.sizeProperty, &log) ?? 0
            regions.append(region)
        }
        state.regions = regions
        return state
    }
}
