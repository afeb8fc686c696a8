import KernelABI

/// Allocates blocks of pages in a kernel's simulated memory, lowest addresses first.
struct PageAllocator: Sendable {
    /// The frame numbers of all pages.
    let pages: Range<UInt64>
    private var used: Set<UInt64> = []
    /// There are no free pages below this one.
    private var lowestFree: UInt64

    init(pages: Range<UInt64>) {
        self.pages = pages
        lowestFree = pages.lowerBound
    }

    var usedCount: Int { used.count }

    /// Allocates a naturally aligned block of 2^`order` pages; `nil` if none is free.
    mutating func allocate(order: Int) -> Range<UInt64>? {
        guard (0..<40).contains(order) else { return nil }
        let count: UInt64 = 1 << UInt64(order)
        var first = (lowestFree + count - 1) & ~(count - 1)
        while first <= pages.upperBound, pages.upperBound - first >= count {
            let block = first..<first + count
            if let taken = block.first(where: used.contains) {
                first = (taken + count) & ~(count - 1)
                continue
            }
            take(block)
            return block
        }
        return nil
    }

    /// Marks pages as used, ignoring those outside the memory.
    mutating func take(_ block: Range<UInt64>) {
        for page in block.clamped(to: pages) { used.insert(page) }
        while lowestFree < pages.upperBound, used.contains(lowestFree) { lowestFree += 1 }
    }

    mutating func free(_ block: Range<UInt64>) {
        for page in block.clamped(to: pages) where used.remove(page) != nil {
            lowestFree = min(lowestFree, page)
        }
    }
}
