import KernelABI

/// Several sources of physical memory as one: each address is read from the first source that has it.
///
/// Used to overlay changed pages on an image, or to combine several partial dumps.
public struct LayeredMemory: PhysicalMemory {
    public let regions: [Range<PhysicalAddress>]
    public let storedExtents: [Range<PhysicalAddress>]
    public let statedPageSize: Int?
    public let statedMachine: Machine?

    private let layers: [any PhysicalMemory]
    private let extents: ExtentTable<OwnedExtent>

    /// Combines `layers` in their current state, the topmost first. Properties that they state come from the first that
    /// states them.
    public init(_ layers: [any PhysicalMemory]) {
        var ranges: [Range<PhysicalAddress>] = []
        var owners: [Int] = []
        var stored: [[Range<PhysicalAddress>]] = []
        for (index, layer) in layers.enumerated() {
            let regions = layer.regions
            ranges += regions
            owners += repeatElement(index, count: regions.count)
            stored.append(layer.storedExtents)
        }
        extents = ExtentTable(resolveOverlaps(ranges).map { OwnedExtent(range: $0.range, owner: owners[$0.owner]) })
        regions = mergeAdjacent(extents.lazy.map(\.range))
        storedExtents = extents.flatMap { extent in
            let candidates = stored[extent.owner]
            return candidates[candidates.partitioningIndex { $0.upperBound > extent.range.lowerBound }...]
                .prefix { $0.lowerBound < extent.range.upperBound }
                .map { $0.clamped(to: extent.range) }
        }
        statedPageSize = layers.lazy.compactMap(\.statedPageSize).first
        statedMachine = layers.lazy.compactMap(\.statedMachine).first
        self.layers = layers
    }

    public func withBytes<Result>(
        at address: PhysicalAddress, count: Int, _ body: (RawSpan) -> Result
    ) throws(MemoryError) -> Result {
        guard count >= 0, let end = address.advanced(by: UInt64(count)) else {
            throw .notAvailable(address: address, count: count)
        }
        if count == 0 { return body([UInt8]().span.bytes) }
        guard let indices = extents.indices(covering: address..<end) else {
            throw absence(of: (address..<end).firstAddress(outside: regions), at: address, count)
        }
        if indices.count == 1 {
            return try layers[extents[indices.lowerBound].owner].withBytes(at: address, count: count, body)
        }
        if count > CopiedRead.limit { throw CopiedRead.tooLong(address, count) }
        var copy: [UInt8] = []
        copy.reserveCapacity(count)
        for extent in extents[indices] {
            let piece = extent.range.clamped(to: address..<end)
            let length = Int(piece.upperBound.rawValue - piece.lowerBound.rawValue)
            try layers[extent.owner].withBytes(at: piece.lowerBound, count: length) { copy.append(copying: $0) }
        }
        return body(copy.span.bytes)
    }

    public func isLeftOut(_ address: PhysicalAddress) -> Bool {
        extents.indices(covering: address..<PhysicalAddress(address.rawValue + 1)) == nil
            && layers.contains { $0.isLeftOut(address) }
    }

    public var leftOut: [Range<PhysicalAddress>] {
        layers.flatMap(\.leftOut).merged().flatMap { $0.pieces(notIn: regions) }
    }

    public func unreadable(in range: Range<PhysicalAddress>) -> [Range<PhysicalAddress>] {
        extents[extents.firstIndex(endingBehind: range.lowerBound)...].prefix { $0.range.lowerBound < range.upperBound }
            .flatMap { layers[$0.owner].unreadable(in: $0.range.clamped(to: range)) }
    }

    public func release(_ range: Range<PhysicalAddress>) {
        for layer in layers { layer.release(range) }
    }
}
