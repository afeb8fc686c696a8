import KernelABI

/// Receives a whole image, not only the pieces that describe the handover.
protocol ImageDestination: PieceDestination, PageStore {
    /// Reserves memory.
    mutating func allocate(_ extent: Extent)
}

/// Puts the pieces of an image into a store.
struct StoredPieces<Store: PageStore>: ImageDestination {
    var store: Store
    /// The pieces in the order in which they were received, if they are to be listed.
    private(set) var extents: [Extent] = []
    private let listed: Bool

    init(in store: Store, listed: Bool = true) {
        self.store = store
        self.listed = listed
    }

    mutating func take(
        _ extent: Extent, count: Int, _ fill: (inout [UInt8]) throws(WriteError) -> Void
    ) throws(WriteError) {
        if extent.byteCount > count { allocate(extent.range) }
        try put(count, at: extent.address, fill)
        if listed { extents.append(extent) }
    }

    mutating func allocate(_ extent: Extent) {
        allocate(extent.range)
        if listed { extents.append(extent) }
    }

    mutating func allocate(_ range: Range<PhysicalAddress>) {
        store.allocate(range)
    }

    mutating func put(
        _ count: Int, at address: PhysicalAddress, _ fill: (inout [UInt8]) throws(WriteError) -> Void
    ) throws(WriteError) {
        try store.put(count, at: address, fill)
    }

    mutating func put(
        _ part: Range<UInt64>, of file: MappedFile, at address: PhysicalAddress
    ) throws(WriteError) {
        try store.put(part, of: file, at: address)
    }
}
