import Handover
import KernelABI
import SystemPackage

/// A kernel's simulated physical memory with the operations of Kexec HandOver: allocate, preserve, restore.
///
/// Operations of FLBs and file handlers use it to store their data. Thread-safe.
public final class KHOMemory: Sendable {
    /// The default address range of the simulated memory: 128 MiB.
    public static let defaultRange = PhysicalAddress(0x1000_0000)..<PhysicalAddress(0x1800_0000)

    /// The size in bytes of the largest folio on any machine: larger blocks are rejected.
    private static let largestBlock = 1 << 30

    public let pageSize: PageSize

    private struct State {
        var memory: SparseMemory
        var allocator: PageAllocator
        /// Blocks for the next kernel, by address.
        var outgoing: [PhysicalAddress: Int] = [:]
        /// Blocks that the previous kernel preserved and that have not been restored yet.
        var incoming: PreservedIndex?
        var restored: Set<PhysicalAddress> = []
    }

    private let state: Locked<State>

    init(pageSize: PageSize, range: Range<PhysicalAddress> = defaultRange) {
        self.pageSize = pageSize
        state = Locked(
            State(
                memory: SparseMemory(pageSize: pageSize.bytes),
                allocator: PageAllocator(pages: Self.pages(of: range, pageSize))))
    }

    /// The memory of a kernel that was handed `preserved`.
    init(adopting memory: SparseMemory, preserved: PreservedState, pageSize: PageSize) {
        self.pageSize = pageSize
        var allocator = PageAllocator(pages: Self.pages(of: Self.defaultRange, pageSize))
        for range in preserved.ranges ?? [] { allocator.take(Self.pages(of: range, pageSize)) }
        state = Locked(
            State(
                memory: memory, allocator: allocator,
                incoming: PreservedIndex(preserved, pageSize: pageSize)))
    }

    private static func pages(of range: Range<PhysicalAddress>, _ pageSize: PageSize) -> Range<UInt64> {
        let shift = UInt64(pageSize.shift)
        return range.lowerBound.rawValue >> shift..<range.upperBound.rawValue >> shift
    }

    private func pages(of block: PageBlock) -> Range<UInt64> {
        let first = block.address.rawValue >> UInt64(pageSize.shift)
        return first..<first + 1 << UInt64(block.order)
    }

    // MARK: Allocating

    /// Allocates zeroed memory and preserves it. Mirrors `kho_alloc_preserve`.
    ///
    /// - Parameter byteCount: The size, which is rounded up to 2^order pages.
    /// - Throws: `ENOMEM`.
    public func allocatePreserved(byteCount: Int) throws(Errno) -> PageBlock {
        let order = PageBlock.order(holding: UInt64(max(byteCount, 1)), pageSize: pageSize)
        return try state.withLock { state throws(Errno) in
            guard let pages = state.allocator.allocate(order: order) else { throw .noMemory }
            let block = PageBlock(address: PhysicalAddress(pages.lowerBound << UInt64(pageSize.shift)), order: order)
            // What the previous kernel left there is not handed on.
            for page in pages { state.memory.removePage(at: PhysicalAddress(page << UInt64(pageSize.shift))) }
            state.memory.allocate(range(of: block))
            state.outgoing[block.address] = order
            return block
        }
    }

    /// Unpreserves and frees a block. Mirrors `kho_unpreserve_free`.
    public func unpreserveAndFree(_ block: PageBlock) {
        state.withLock { state in
            guard state.outgoing.removeValue(forKey: block.address) != nil else { return }
            release(block, &state)
        }
    }

    // MARK: Restoring

    /// Restores a block that the previous kernel preserved, once. Mirrors `kho_restore_folio`.
    ///
    /// - Returns: The block, which the caller must ``free(_:)``.
    /// - Throws: `EIO` if no preserved block begins at `address`, or it was already restored.
    public func restore(at address: PhysicalAddress) throws(Errno) -> PageBlock {
        try state.withLock { state throws(Errno) in
            guard let order = state.incoming?.order(at: address),
                order <= Self.largestBlock.trailingZeroBitCount - pageSize.shift,
                state.restored.insert(address).inserted
            else { throw .ioError }
            return PageBlock(address: address, order: order)
        }
    }

    /// Whether the previous kernel preserved the block at `address` and it has not been restored.
    func isUnclaimed(at address: PhysicalAddress) -> Bool {
        state.withLock { $0.incoming?.order(at: address) != nil && !$0.restored.contains(address) }
    }

    /// Frees a restored block.
    public func free(_ block: PageBlock) {
        state.withLock { release(block, &$0) }
    }

    /// Restores and frees the block at `address`, if there is one. Mirrors `kho_restore_free`.
    public func restoreAndFree(at address: PhysicalAddress) {
        if let block = try? restore(at: address) { free(block) }
    }

    private func release(_ block: PageBlock, _ state: inout State) {
        for page in pages(of: block) {
            state.memory.removePage(at: PhysicalAddress(page << UInt64(pageSize.shift)))
        }
        state.allocator.free(pages(of: block))
    }

    // MARK: Bytes

    /// Reads the bytes at `address`.
    ///
    /// - Throws: `EFAULT` if there is no memory.
    public func read(at address: PhysicalAddress, count: Int) throws(Errno) -> [UInt8] {
        try state.withLock { state throws(Errno) in
            do throws(MemoryError) {
                return try state.memory.withBytes(at: address, count: count) { [UInt8](copying: $0) }
            } catch {
                throw .badAddress
            }
        }
    }

    /// Writes bytes to the beginning of a block; ignores those past its end.
    public func write(_ bytes: some Collection<UInt8>, to block: PageBlock) throws(Errno) {
        let room = pageSize.bytes << block.order
        try state.withLock { state throws(Errno) in
            do throws(MemoryError) {
                try state.memory.write(bytes.prefix(room), at: block.address)
            } catch {
                throw .badAddress
            }
        }
    }

    // MARK: Handing over

    /// The number of blocks preserved for the next kernel.
    public var preservedBlockCount: Int { state.withLock { $0.outgoing.count } }

    /// The number of pages in use: preserved by the previous kernel and not freed, or allocated.
    public var usedPageCount: Int { state.withLock { $0.allocator.usedCount } }

    /// The blocks preserved for the next kernel, in ascending order.
    var preservedBlocks: [PageBlock] {
        state.withLock { state in
            state.outgoing.map { PageBlock(address: $0.key, order: $0.value) }.sorted { $0.address < $1.address }
        }
    }

    func range(of block: PageBlock) -> Range<PhysicalAddress> {
        let size = UInt64(pageSize.bytes) << UInt64(block.order)
        return block.address..<(block.address.advanced(by: size) ?? PhysicalAddress(.max))
    }

    /// Copies the contents of the preserved blocks to an image.
    func copyPreserved(to image: inout SparseMemory) {
        state.withLock { state in
            for (address, order) in state.outgoing {
                image.allocate(range(of: PageBlock(address: address, order: order)))
            }
            for extent in state.memory.storedExtents {
                guard contains(extent.lowerBound, state) else { continue }
                let bytes = state.memory.copy(at: extent.lowerBound, count: pageSize.bytes)
                // Memory that cannot be read was never written; it is zero in the image.
                if let bytes { try? image.write(bytes, at: extent.lowerBound) }
            }
        }
    }

    /// Whether a page is in a block preserved for the next kernel.
    private func contains(_ page: PhysicalAddress, _ state: State) -> Bool {
        (0..<40).contains { order in
            let mask = UInt64(pageSize.bytes) << UInt64(order) - 1
            return state.outgoing[PhysicalAddress(page.rawValue & ~mask)].map { $0 >= order } ?? false
        }
    }
}
