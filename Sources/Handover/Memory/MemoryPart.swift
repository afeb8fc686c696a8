import KernelABI

/// A part of another memory: some ranges, as far as they are available there. The rest of their pages is zero,
/// regardless of its contents there.
struct MemoryPart: PhysicalMemory {
    let regions: [Range<PhysicalAddress>]
    let storedExtents: [Range<PhysicalAddress>]
    let leftOut: [Range<PhysicalAddress>]
    private let whole: any PhysicalMemory

    var statedPageSize: Int? { whole.statedPageSize }
    var statedMachine: Machine? { whole.statedMachine }

    /// - Parameters:
    ///   - lost: The pages of it that cannot be read.
    ///   - leftOut: What should be part of it but is not.
    init(
        of whole: any PhysicalMemory, pageSize: PageSize, ranges: [Range<PhysicalAddress>],
        lost: [Range<PhysicalAddress>] = [], leftOut: [Range<PhysicalAddress>] = []
    ) {
        self.leftOut = leftOut
        let wanted = ranges.merged()
        self.whole = whole
        regions = intersect(mergeAdjacent(wanted.map { $0.pages(of: pageSize) }), whole.regions)
            .flatMap { $0.pieces(notIn: lost) }
        storedExtents = intersect(wanted, whole.storedExtents).flatMap { $0.pieces(notIn: lost) }
    }

    func withBytes<Result>(
        at address: PhysicalAddress, count: Int, _ body: (RawSpan) -> Result
    ) throws(MemoryError) -> Result {
        let next = regions.partitioningIndex { $0.upperBound > address }
        guard next < regions.count, regions[next].lowerBound <= address, count >= 0,
            let end = address.advanced(by: UInt64(count)), end <= regions[next].upperBound
        else { throw absence(of: address, at: address, count) }
        return try whole.withBytes(at: address, count: count, body)
    }

    func isLeftOut(_ address: PhysicalAddress) -> Bool {
        leftOut.contains { $0.contains(address) } || whole.isLeftOut(address)
    }

    func release(_ range: Range<PhysicalAddress>) {
        whole.release(range)
    }
}

/// The intersection of two ascending, disjoint lists of ranges.
package func intersect(
    _ left: [Range<PhysicalAddress>], _ right: [Range<PhysicalAddress>]
) -> [Range<PhysicalAddress>] {
    left.flatMap { $0.pieces(in: right) }
}

extension Range<PhysicalAddress> {
    /// The pages that the range touches, as far as their end can be represented.
    func pages(of pageSize: PageSize) -> Range<PhysicalAddress> {
        if isEmpty { return self }
        let mask = UInt64(pageSize.bytes - 1)
        let (end, overflow) = upperBound.rawValue.addingReportingOverflow(mask)
        return PhysicalAddress(lowerBound.rawValue & ~mask)..<PhysicalAddress(overflow ? ~mask : end & ~mask)
    }

    /// Splits the range into pieces of at most `size` bytes.
    func portions(of size: UInt64) -> some Sequence<Range<PhysicalAddress>> {
        stride(from: lowerBound.rawValue, to: upperBound.rawValue, by: Int(size)).lazy.map {
            PhysicalAddress($0)..<PhysicalAddress(Swift.min(upperBound.rawValue, $0 + size))
        }
    }

    /// The parts of the range outside ascending, disjoint regions.
    func pieces(notIn regions: [Range<PhysicalAddress>]) -> [Range<PhysicalAddress>] {
        var pieces: [Range<PhysicalAddress>] = []
        var rest = self
        for region in self.pieces(in: regions) {
            if rest.lowerBound < region.lowerBound { pieces.append(rest.lowerBound..<region.lowerBound) }
            rest = region.upperBound..<upperBound
        }
        if !rest.isEmpty { pieces.append(rest) }
        return pieces
    }

    /// The first address of the range outside the ascending, disjoint `regions`; its end if there is none.
    func firstAddress(outside regions: [Range<PhysicalAddress>]) -> PhysicalAddress {
        let index = regions.partitioningIndex { $0.upperBound > lowerBound }
        guard index < regions.count, regions[index].lowerBound <= lowerBound else { return lowerBound }
        return Swift.min(regions[index].upperBound, upperBound)
    }

    /// The parts of the range within ascending, disjoint regions.
    func pieces(in regions: [Range<PhysicalAddress>]) -> [Range<PhysicalAddress>] {
        var pieces: [Range<PhysicalAddress>] = []
        var index = regions.partitioningIndex { $0.upperBound > lowerBound }
        while index < regions.count, regions[index].lowerBound < upperBound {
            let common = clamped(to: regions[index])
            if !common.isEmpty { pieces.append(common) }
            index += 1
        }
        return pieces
    }
}
