import KernelABI

/// What the pages of an image are put into.
protocol PageStore {
    /// Makes every page that `range` touches a part of the image: zero, where nothing is put there.
    mutating func allocate(_ range: Range<PhysicalAddress>)

    /// Puts bytes at an address, and makes their pages a part of the image.
    ///
    /// - Parameter fill: writes the bytes, of which there are `count`, into zeros; it may not be called.
    mutating func put(
        _ count: Int, at address: PhysicalAddress, _ fill: (inout [UInt8]) throws(WriteError) -> Void
    ) throws(WriteError)
}

/// Takes a whole image, not only the pieces that describe the handover.
protocol ImageDestination: PieceDestination, PageStore {
    /// Sets memory aside.
    mutating func allocate(_ extent: Extent)
}

/// The pieces of an image, and the store that they are put into.
struct StoredPieces<Store: PageStore>: ImageDestination {
    var store: Store
    /// The pieces, in the order in which they came.
    private(set) var extents: [Extent] = []

    init(in store: Store) {
        self.store = store
    }

    mutating func take(
        _ extent: Extent, count: Int, _ fill: (inout [UInt8]) throws(WriteError) -> Void
    ) throws(WriteError) {
        if extent.byteCount > count { allocate(extent.range) }
        try put(count, at: extent.address, fill)
        extents.append(extent)
    }

    mutating func allocate(_ extent: Extent) {
        allocate(extent.range)
        extents.append(extent)
    }

    mutating func allocate(_ range: Range<PhysicalAddress>) {
        store.allocate(range)
    }

    mutating func put(
        _ count: Int, at address: PhysicalAddress, _ fill: (inout [UInt8]) throws(WriteError) -> Void
    ) throws(WriteError) {
        try store.put(count, at: address, fill)
    }
}

extension SparseMemory: PageStore {
    mutating func put(
        _ count: Int, at address: PhysicalAddress, _ fill: (inout [UInt8]) throws(WriteError) -> Void
    ) throws(WriteError) {
        var bytes = [UInt8](repeating: 0, count: count)
        try fill(&bytes)
        do throws(MemoryError) {
            try write(bytes, at: address)
        } catch {
            throw .outside(address, count)
        }
    }
}

/// The pages of an image without their bytes: where it has memory, and where something is put there.
struct PageOutline: PageStore {
    private(set) var available: PageSet
    private(set) var stored: PageSet

    init(pageSize: PageSize) {
        available = PageSet(pageShift: pageSize.shift)
        stored = available
    }

    mutating func allocate(_ range: Range<PhysicalAddress>) {
        available.insert(range)
    }

    mutating func put(
        _ count: Int, at address: PhysicalAddress, _ fill: (inout [UInt8]) throws(WriteError) -> Void
    ) throws(WriteError) {
        guard let end = address.advanced(by: UInt64(count)) else { throw .outside(address, count) }
        available.insert(address..<end)
        stored.insert(address..<end)
    }
}

extension [UInt8] {
    /// Becomes `count` zeros, and what `fill` writes into them.
    mutating func refill(
        _ count: Int, _ fill: (inout [UInt8]) throws(WriteError) -> Void
    ) throws(WriteError) {
        removeAll(keepingCapacity: true)
        append(contentsOf: repeatElement(0, count: count))
        try fill(&self)
    }
}
