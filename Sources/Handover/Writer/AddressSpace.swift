import KernelABI

/// Tracks which addresses are taken, and assigns free ones.
struct AddressSpace {
    /// The claimed ranges, in the order in which they were claimed.
    private(set) var claims: [Range<UInt64>] = []
    /// The taken ranges, ascending and disjoint once ``settle()`` has been called.
    private var taken: [Range<UInt64>] = []
    /// The index of the first taken range that ends after `next`.
    private var cursor = 0
    private var next: UInt64

    init(base: PhysicalAddress) {
        next = base.rawValue
    }

    /// Claims a given address range.
    mutating func claim(_ range: Range<UInt64>) {
        claims.append(range)
    }

    /// Excludes `range` from assignment without claiming it.
    mutating func avoid(_ range: Range<UInt64>) {
        if !range.isEmpty { taken.append(range) }
    }

    /// Sorts the claims. Call this after all claims and before any assignment.
    ///
    /// - Returns: Pairs of overlapping claims, by index in ``claims``; only the first ones.
    mutating func settle() -> [(Int, Int)] {
        let sorted = claims.indices.filter { !claims[$0].isEmpty }.sorted {
            (claims[$0].lowerBound, $0) < (claims[$1].lowerBound, $1)
        }
        var overlaps: [(Int, Int)] = []
        var last: Int?
        for index in sorted {
            if let open = last, claims[index].lowerBound < claims[open].upperBound {
                if overlaps.count < 100 { overlaps.append((open, index)) }
                if claims[index].upperBound > claims[open].upperBound { last = index }
            } else {
                last = index
            }
            taken.append(claims[index])
        }
        taken.sort { $0.lowerBound < $1.lowerBound }
        var merged: [Range<UInt64>] = []
        for range in taken {
            if let open = merged.last, range.lowerBound <= open.upperBound {
                merged[merged.count - 1] = open.lowerBound..<max(open.upperBound, range.upperBound)
            } else {
                merged.append(range)
            }
        }
        taken = merged
        return overlaps
    }

    /// The lowest free address above the base or the last assignment; `nil` if there is none.
    mutating func assign(byteCount: UInt64, alignment: UInt64) -> PhysicalAddress? {
        var start = next
        while true {
            let (sum, overflow) = start.addingReportingOverflow(alignment - 1)
            guard !overflow else { return nil }
            start = sum & ~(alignment - 1)
            let (end, wraps) = start.addingReportingOverflow(byteCount)
            guard !wraps else { return nil }
            while cursor < taken.count, taken[cursor].upperBound <= start { cursor += 1 }
            guard cursor < taken.count, taken[cursor].lowerBound < end else {
                next = end
                return PhysicalAddress(start)
            }
            start = taken[cursor].upperBound
        }
    }
}
