import KernelABI

/// Which addresses are taken, by what, and which are free.
struct AddressSpace {
    /// What has an address, in the order in which it was claimed.
    private(set) var claims: [Range<UInt64>] = []
    /// Taken ranges, ascending and disjoint, once ``settle()`` has been called.
    private var taken: [Range<UInt64>] = []
    /// The first taken range that ends behind `next`.
    private var cursor = 0
    private var next: UInt64

    init(base: PhysicalAddress) {
        next = base.rawValue
    }

    /// Notes an address that is given.
    mutating func claim(_ range: Range<UInt64>) {
        claims.append(range)
    }

    /// Keeps `range` free of assignments without claiming it.
    mutating func avoid(_ range: Range<UInt64>) {
        if !range.isEmpty { taken.append(range) }
    }

    /// Sorts what is claimed; to be called between the claims and the assignments.
    ///
    /// - Returns: the pairs of claims that overlap, by their places in ``claims``; the first of them.
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

    /// The lowest free address from the base, or the last assignment, upwards; `nil` if there is none left.
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
