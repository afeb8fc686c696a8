import KernelABI

/// A set of pages of physical memory, by page frame number.
struct PageSet {
    /// log2 of the page size.
    let pageShift: Int
    /// Bit masks of 64 pages each, by page frame number / 64.
    private var masks: [UInt64: UInt64] = [:]

    init(pageShift: Int) {
        self.pageShift = pageShift
    }

    func contains(_ page: UInt64) -> Bool {
        (masks[page >> 6] ?? 0) & 1 << (page & 63) != 0
    }

    mutating func insert(_ page: UInt64) {
        masks[page >> 6, default: 0] |= 1 << (page & 63)
    }

    /// Inserts every page that the range touches.
    mutating func insert(_ range: Range<PhysicalAddress>) {
        guard !range.isEmpty else { return }
        var page = range.lowerBound.rawValue >> UInt64(pageShift)
        let last = (range.upperBound.rawValue - 1) >> UInt64(pageShift)
        while true {
            let block = page >> 6
            let lastInBlock = min(last, block << 6 | 63)
            let mask: UInt64 = (~0 >> (63 - (lastInBlock - page))) << (page & 63)
            masks[block, default: 0] |= mask
            guard lastInBlock < last else { return }
            page = lastInBlock + 1
        }
    }

    mutating func remove(_ page: UInt64) {
        guard let mask = masks[page >> 6] else { return }
        let left = mask & ~(1 << (page & 63))
        masks[page >> 6] = left == 0 ? nil : left
    }

    /// The pages as ascending ranges, with adjacent ones merged. Takes time linear in their number.
    var ranges: [Range<PhysicalAddress>] {
        var runs: [Range<PhysicalAddress>] = []
        for (block, mask) in masks.sorted(by: { $0.key < $1.key }) {
            var mask = mask
            var page = block << 6
            while mask != 0 {
                let gap = mask.trailingZeroBitCount
                mask >>= gap
                page += UInt64(gap)
                let length = (~mask).trailingZeroBitCount
                runs.append(range(of: page, count: UInt64(length)))
                mask = length == 64 ? 0 : mask >> length
                page += UInt64(length)
            }
        }
        return mergeAdjacent(runs)
    }

    /// Pages as addresses. The last page of the address space is one byte short, so that its end can be represented.
    func range(of page: UInt64, count: UInt64) -> Range<PhysicalAddress> {
        let start = page << UInt64(pageShift)
        let (end, wraps) = start.addingReportingOverflow(count << UInt64(pageShift))
        return PhysicalAddress(start)..<PhysicalAddress(wraps ? .max : end)
    }
}
