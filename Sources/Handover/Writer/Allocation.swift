import KernelABI

/// Memory that a handover needs: its size, and how the kernel preserves it.
struct Allocation {
    var byteCount: UInt64
    /// In bytes, a power of two.
    var alignment: UInt64
    var preservation: Preservation
    /// The number of bytes, from the beginning, that are preserved if preservation is by pages.
    var preservedByteCount: UInt64

    /// How the memory gets into the map of preserved memory.
    enum Preservation: Hashable {
        /// As one block of this order: `kho_preserve_folio`, `kho_alloc_preserve`.
        case folio(order: Int)
        /// As the largest aligned blocks that cover its pages: `kho_preserve_pages`.
        case pages
        /// Not preserved: the map itself.
        case none
    }

    /// One allocation of 2^order pages, naturally aligned, preserved as one block.
    static func folio(order: Int, _ pageSize: PageSize) -> Allocation {
        let size = UInt64(pageSize.bytes) << UInt64(order)
        return Allocation(
            byteCount: size, alignment: size, preservation: .folio(order: order), preservedByteCount: size)
    }

    /// Whole pages for `byteCount` bytes, preserved page by page.
    static func pages(for byteCount: UInt64, _ pageSize: PageSize) -> Allocation {
        let page = UInt64(pageSize.bytes)
        let pages = max(1, pageSize.pages(for: byteCount))
        let (size, overflow) = pages.multipliedReportingOverflow(by: page)
        let whole = overflow ? .max - (page - 1) : size
        return Allocation(
            byteCount: whole, alignment: page, preservation: .pages, preservedByteCount: whole)
    }

    /// One page of the map of preserved memory.
    static func mapPage(_ pageSize: PageSize) -> Allocation { bitmap(pageSize.bytes) }

    /// One bitmap of the map of preserved memory, aligned to its size.
    static func bitmap(_ byteCount: Int) -> Allocation {
        let size = UInt64(byteCount)
        return Allocation(byteCount: size, alignment: size, preservation: .none, preservedByteCount: 0)
    }
}
