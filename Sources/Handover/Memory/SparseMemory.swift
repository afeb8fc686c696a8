import KernelABI

/// Physical memory as a mutable value: only the pages that were written or allocated.
///
/// Images are built in it. Writing and reading a page take constant time, whatever the number and order of pages; a
/// page that was only allocated is zero, and costs one bit.
public struct SparseMemory: PhysicalMemory {
    /// The page size in bytes, a power of two. A page is either wholly available or not at all.
    public let pageSize: Int

    /// ``pageSize`` unless set: the page size of the kernel may be unknown.
    public var statedPageSize: Int?

    public var statedMachine: Machine?

    public var leftOut: [Range<PhysicalAddress>] = []

    /// The pages with contents, by page frame number. They are all also in `available`.
    private var pages: [UInt64: [UInt8]] = [:]
    private var available: PageSet

    /// Creates a memory without pages.
    ///
    /// - Parameter pageSize: In bytes. Rounded up to a power of two, and limited to the range from 16 bytes to 1 GiB.
    public init(pageSize: Int = 4096) {
        var size = 16
        while size < pageSize, size < 1 << 30 { size *= 2 }
        self.pageSize = size
        statedPageSize = size
        available = PageSet(pageShift: size.trailingZeroBitCount)
    }

    // MARK: Changing

    /// Makes every page that `range` touches available. New pages read as zero; existing ones are unchanged.
    public mutating func allocate(_ range: Range<PhysicalAddress>) {
        available.insert(range)
    }

    /// Writes `bytes` at `address`. Makes pages available as needed, zero where they are not written.
    ///
    /// - Throws: ``MemoryError/notAvailable(address:count:)`` if the range wraps around.
    public mutating func write(_ bytes: some Collection<UInt8>, at address: PhysicalAddress) throws(MemoryError) {
        guard address.advanced(by: UInt64(bytes.count)) != nil else {
            throw .notAvailable(address: address, count: bytes.count)
        }
        // A whole page that is already an array is stored as it is.
        if bytes.count == pageSize, offset(of: address) == 0 {
            let page = frame(of: address)
            available.insert(page)
            pages[page] = Array(bytes)
            return
        }
        var rest = bytes[...]
        var position = address
        while !rest.isEmpty {
            let start = offset(of: position)
            let piece = rest.prefix(pageSize - start)
            withPage(frame(of: position)) { $0.replaceSubrange(start..<start + piece.count, with: piece) }
            rest = rest.dropFirst(piece.count)
            // At most the end, which does not wrap.
            position = PhysicalAddress(position.rawValue + UInt64(piece.count))
        }
    }

    /// Makes the page at `address` unavailable.
    public mutating func removePage(at address: PhysicalAddress) {
        let page = frame(of: address)
        pages[page] = nil
        available.remove(page)
    }

    private mutating func withPage<Result>(_ page: UInt64, _ body: (inout [UInt8]) -> Result) -> Result {
        available.insert(page)
        return body(&pages[page, default: [UInt8](repeating: 0, count: pageSize)])
    }

    // MARK: Reading

    /// The available pages. Takes time linear in their number.
    public var regions: [Range<PhysicalAddress>] { available.ranges }

    /// The pages with contents. Takes time linear in their number.
    public var storedExtents: [Range<PhysicalAddress>] {
        pages.keys.sorted().map { available.range(of: $0, count: 1) }
    }

    public func withBytes<Result>(
        at address: PhysicalAddress, count: Int, _ body: (RawSpan) -> Result
    ) throws(MemoryError) -> Result {
        guard count >= 0, let end = address.advanced(by: UInt64(count)) else {
            throw .notAvailable(address: address, count: count)
        }
        let start = offset(of: address)
        if count <= pageSize - start {
            let page = frame(of: address)
            if let bytes = pages[page] { return body(bytes.span.bytes.extracting(start..<start + count)) }
            guard count == 0 || available.contains(page) else { throw absence(of: address, at: address, count) }
            return try CopiedRead.withZeroes(at: address, count: count, body)
        }
        var copy: [UInt8] = []
        var position = address
        while position < end {
            let page = frame(of: position)
            let start = offset(of: position)
            let length = min(pageSize - start, count - copy.count)
            if copy.count + length > CopiedRead.limit { throw CopiedRead.tooLong(address, count) }
            if let bytes = pages[page] {
                copy += bytes[start..<start + length]
            } else if available.contains(page) {
                copy += repeatElement(0, count: length)
            } else {
                throw absence(of: position, at: address, count)
            }
            position = PhysicalAddress(position.rawValue + UInt64(length))
        }
        return body(copy.span.bytes)
    }

    // MARK: Pages

    private func frame(of address: PhysicalAddress) -> UInt64 {
        address.rawValue >> UInt64(pageSize.trailingZeroBitCount)
    }

    private func offset(of address: PhysicalAddress) -> Int {
        Int(address.rawValue & UInt64(pageSize - 1))
    }
}
