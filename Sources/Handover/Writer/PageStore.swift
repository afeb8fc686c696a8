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
