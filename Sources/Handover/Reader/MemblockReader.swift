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
                Finding(
                    .notATree, of: .subtree(abi.subtree), at: Place(abi.subtree, at: address), found: error.description,
                    expected: "an FDT"))
            return nil
        }
    }

    private func read(
        _ tree: FlattenedTree, at address: PhysicalAddress?, _ log: inout ReadingLog
    ) -> MemblockState {
        var state = MemblockState()
        state.compatible = TreeProperties(
            node: tree.root, structure: abi.subtree, owner: .subtree(abi.subtree), address: address
        ).compatible(abi.compatible, &log)
        state.regions = plainRegions(of: tree) ?? regions(of: tree, at: address, &log)
        return state
    }

    /// The regions, with a word on everything that is not as it has to be.
    private func regions(
        of tree: FlattenedTree, at address: PhysicalAddress?, _ log: inout ReadingLog
    ) -> [MemblockState.Region] {
        tree.root.children.map { node in
            let properties = TreeProperties(
                node: node, structure: abi.subtree, owner: .region(KernelString(node.name)), address: address)
            var region = MemblockState.Region()
            region.name = KernelString(node.name)
            region.compatible = properties.compatible(abi.regionCompatible, &log)
            region.start = properties.number(abi.startProperty, &log).map(PhysicalAddress.init(_:))
            region.size = properties.number(abi.sizeProperty, &log) ?? 0
            return region
        }
    }

    /// Whether there is nothing to say of the tree; keeps none of what it says.
    func isPlain(_ tree: FlattenedTree) -> Bool {
        tree.root.isCompatible(with: abi.compatible) && plainRegions(of: tree, keepsThem: false) != nil
    }

    /// The regions, if all of them are as a kernel writes them: in one pass, as there may be very many. Else `nil`.
    private func plainRegions(of tree: FlattenedTree, keepsThem: Bool = true) -> [MemblockState.Region]? {
        var regions = PlainRegions(abi: abi, keepsThem: keepsThem)
        tree.scan { regions.take($0) }
        return regions.isPlain ? regions.regions : nil
    }
}

/// Takes the regions from the steps of a scan, as long as they are as a kernel writes them.
private struct PlainRegions {
    private(set) var isPlain = true
    private(set) var regions: [MemblockState.Region] = []

    private let keepsThem: Bool
    private let compatible: KernelString
    private let compatibleValue: [UInt8]
    private let compatibleName = Array("compatible".utf8)
    private let startName: [UInt8]
    private let sizeName: [UInt8]

    private var depth = 0
    private var name: KernelString = ""
    private var isCompatible = false
    private var start: UInt64?
    private var size: UInt64?

    init(abi: Generation.MemblockTree, keepsThem: Bool) {
        self.keepsThem = keepsThem
        compatible = KernelString(abi.regionCompatible)
        compatibleValue = compatible.bytes + [0]
        startName = Array(abi.startProperty.utf8)
        sizeName = Array(abi.sizeProperty.utf8)
    }

    mutating func take(_ step: FlattenedTree.ScanStep) {
        switch step {
        case .beginNode(let bytes, _):
            depth += 1
            if depth > 2 { isPlain = false }
            if keepsThem { name = KernelString(bytes.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }) }
            isCompatible = false
            start = nil
            size = nil
        case .property(let property, let value):
            if depth == 2 { take(property, value) }
        case .endNode:
            depth -= 1
            if depth == 1 { endRegion() }
        case .nop:
            break
        }
    }

    private mutating func take(_ property: RawSpan, _ value: RawSpan) {
        if property.isEqual(to: sizeName), size == nil, value.byteCount == 8 {
            size = value.littleEndian(at: 0)
        } else if property.isEqual(to: startName), start == nil, value.byteCount == 8 {
            start = value.littleEndian(at: 0)
        } else if property.isEqual(to: compatibleName), !isCompatible, value.isEqual(to: compatibleValue) {
            isCompatible = true
        } else {
            isPlain = false
        }
    }

    private mutating func endRegion() {
        guard isCompatible, let start, let size else {
            isPlain = false
            return
        }
        guard keepsThem else { return }
        var region = MemblockState.Region()
        region.name = name
        region.compatible = compatible
        region.start = PhysicalAddress(start)
        region.size = size
        regions.append(region)
    }
}
