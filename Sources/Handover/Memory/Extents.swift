import KernelABI

/// A range of physical addresses with information about it.
protocol MemoryExtent {
    var range: Range<PhysicalAddress> { get }
}

/// A range of physical addresses, and the index of the source to read it from.
struct OwnedExtent: MemoryExtent, Hashable, Sendable {
    var range: Range<PhysicalAddress>
    /// The index of the source.
    var owner: Int
}

/// Makes ranges that may overlap disjoint: if several contain an address, the one with the lowest index owns it.
///
/// The result is ascending and disjoint, and has less than twice as many extents as there are ranges. Takes time O(n
/// log n), however the ranges overlap: their number comes from files.
func resolveOverlaps(_ ranges: [Range<PhysicalAddress>]) -> [OwnedExtent] {
    var order = ranges.indices.filter { !ranges[$0].isEmpty }
    order.sort { (ranges[$0].lowerBound, $0) < (ranges[$1].lowerBound, $1) }

    var result: [OwnedExtent] = []
    result.reserveCapacity(order.count)
    var open = MinHeap()
    var position = PhysicalAddress(0)
    var next = 0
    while true {
        while let owner = open.first, ranges[owner].upperBound <= position { open.removeFirst() }
        if open.first == nil {
            guard next < order.count else { return result }
            position = ranges[order[next]].lowerBound
        }
        while next < order.count, ranges[order[next]].lowerBound <= position {
            open.insert(order[next])
            next += 1
        }
        guard let owner = open.first else { return result }
        var end = ranges[owner].upperBound
        if next < order.count { end = min(end, ranges[order[next]].lowerBound) }
        if let last = result.last, last.owner == owner, last.range.upperBound == position {
            result[result.count - 1].range = last.range.lowerBound..<end
        } else {
            result.append(OwnedExtent(range: position..<end, owner: owner))
        }
        position = end
    }
}

/// Merges ascending ranges that are adjacent or overlap.
func mergeAdjacent<Bound>(_ ranges: some Sequence<Range<Bound>>) -> [Range<Bound>] {
    var result: [Range<Bound>] = []
    for range in ranges where !range.isEmpty {
        if let last = result.last, last.upperBound >= range.lowerBound {
            result[result.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
        } else {
            result.append(range)
        }
    }
    return result
}

extension Sequence {
    /// The ranges, which may overlap and be in any order, as ascending, disjoint ranges.
    func merged<Bound>() -> [Range<Bound>] where Element == Range<Bound> {
        mergeAdjacent(sorted { $0.lowerBound < $1.lowerBound })
    }
}

extension RandomAccessCollection where Index == Int {
    /// The first index for which `isAtOrBehind` holds, by binary search in a collection that is sorted accordingly.
    package func partitioningIndex(where isAtOrBehind: (Element) -> Bool) -> Int {
        var low = startIndex
        var high = endIndex
        while low < high {
            let middle = low + (high - low) / 2
            if isAtOrBehind(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}

/// A binary min-heap of indices.
private struct MinHeap {
    private var elements: [Int] = []

    var first: Int? { elements.first }

    mutating func insert(_ element: Int) {
        elements.append(element)
        var child = elements.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard elements[child] < elements[parent] else { return }
            elements.swapAt(child, parent)
            child = parent
        }
    }

    mutating func removeFirst() {
        guard let last = elements.popLast(), !elements.isEmpty else { return }
        elements[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in (2 * parent + 1)...(2 * parent + 2)
            where child < elements.count && elements[child] < elements[least] {
                least = child
            }
            guard least != parent else { return }
            elements.swapAt(parent, least)
            parent = least
        }
    }
}

extension [Range<PhysicalAddress>] {
    /// The total size of all ranges in bytes, modulo 2^64.
    public var byteCount: UInt64 { reduce(0) { $0 &+ ($1.upperBound.rawValue &- $1.lowerBound.rawValue) } }
}
