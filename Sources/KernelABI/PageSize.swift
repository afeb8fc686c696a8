/// The page size of a kernel that hands memory over: 4, 16 or 64 KiB.
///
/// All limits of the handover scale with it. x86_64 has 4 KiB pages; arm64 any of the three.
public enum PageSize: Int, Hashable, Sendable, CaseIterable {
    case kib4 = 4096
    case kib16 = 16384
    case kib64 = 65536

    /// The size in bytes; the kernel's `PAGE_SIZE`.
    @inlinable
    public var bytes: Int { rawValue }

    /// The base-2 logarithm of the size; the kernel's `PAGE_SHIFT`.
    @inlinable
    public var shift: Int { rawValue.trailingZeroBitCount }

    /// The largest order of an allocation, as kernels are configured by default; the kernel's `MAX_PAGE_ORDER`.
    public var largestOrder: Int {
        switch self {
        case .kib4: 10
        case .kib16: 11
        case .kib64: 13
        }
    }

    /// How many pages `count` bytes take; the kernel's `DIV_ROUND_UP(count, PAGE_SIZE)`.
    @inlinable
    public func pages(for count: UInt64) -> UInt64 {
        count / UInt64(bytes) + (count % UInt64(bytes) == 0 ? 0 : 1)
    }

    /// Whether `address` is the beginning of a page.
    @inlinable
    public func isAligned(_ address: PhysicalAddress) -> Bool {
        address.rawValue & UInt64(bytes - 1) == 0
    }
}

/// A block of 2^`order` pages, naturally aligned: what KHO preserves in one entry.
public struct PageBlock: Hashable, Sendable {
    /// Where the block begins.
    public var address: PhysicalAddress
    /// The base-2 logarithm of its number of pages.
    public var order: Int

    public init(address: PhysicalAddress, order: Int) {
        self.address = address
        self.order = order
    }

    /// Splits pages into the largest naturally aligned blocks, as `kho_preserve_pages` does.
    ///
    /// - Parameters:
    ///   - pages: page frame numbers.
    ///   - pageSize: the size of a page; it limits the order of a block.
    public static func blocks(covering pages: Range<UInt64>, pageSize: PageSize) -> [PageBlock] {
        var blocks: [PageBlock] = []
        var page = pages.lowerBound
        while page < pages.upperBound {
            let remaining = pages.upperBound - page
            let order = min(page.trailingZeroBitCount, UInt64.bitWidth - 1 - remaining.leadingZeroBitCount)
            blocks.append(PageBlock(address: PhysicalAddress(page << UInt64(pageSize.shift)), order: order))
            page += 1 << UInt64(order)
        }
        return blocks
    }

    /// The order of the smallest allocation of whole pages that holds `bytes`; the kernel's `get_order`.
    public static func order(holding bytes: UInt64, pageSize: PageSize) -> Int {
        let pages = max(1, pageSize.pages(for: bytes))
        return pages == 1 ? 0 : UInt64.bitWidth - (pages - 1).leadingZeroBitCount
    }
}

extension UInt64 {
    /// So many pages, in words.
    package var inPages: String { self == 1 ? "1 page" : "\(self) pages" }
}
