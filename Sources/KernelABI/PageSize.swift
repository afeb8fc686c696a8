/// The page size of a kernel that supports KHO: 4, 16 or 64 KiB.
///
/// All limits of the handover scale with it. x86_64 has 4 KiB pages; arm64 has any of the three.
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

    /// The largest order of an allocation with the default kernel configuration; the kernel's `MAX_PAGE_ORDER`.
    public var largestOrder: Int {
        switch self {
        case .kib4: 10
        case .kib16: 11
        case .kib64: 13
        }
    }

    /// The number of pages that hold `count` bytes; the kernel's `DIV_ROUND_UP(count, PAGE_SIZE)`.
    @inlinable
    public func pages(for count: UInt64) -> UInt64 {
        count / UInt64(bytes) + (count % UInt64(bytes) == 0 ? 0 : 1)
    }

    /// Whether `address` is page-aligned.
    @inlinable
    public func isAligned(_ address: PhysicalAddress) -> Bool {
        address.rawValue & UInt64(bytes - 1) == 0
    }
}

/// A naturally aligned block of 2^`order` pages: the unit in which KHO preserves memory.
public struct PageBlock: Hashable, Sendable {
    /// The address of the first byte.
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
    ///   - pages: The page frame numbers.
    ///   - pageSize: The page size; it limits the order of a block.
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
    /// The number of pages, in words.
    package var inPages: String { self == 1 ? "1 page" : "\(self) pages" }
}
