import KernelABI

/// Stores the pages of an image.
protocol PageStore {
    /// Adds every page that `range` touches to the image; zero unless written.
    mutating func allocate(_ range: Range<PhysicalAddress>)

    /// Writes bytes at an address, adding their pages to the image.
    ///
    /// - Parameter fill: Writes the `count` bytes into a zeroed buffer; may not be called.
    mutating func put(
        _ count: Int, at address: PhysicalAddress, _ fill: (inout [UInt8]) throws(WriteError) -> Void
    ) throws(WriteError)

    /// Writes a part of a file at an address, adding the pages to the image.
    mutating func put(_ part: Range<UInt64>, of file: MappedFile, at address: PhysicalAddress) throws(WriteError)
}

extension SparseMemory: PageStore {
    mutating func put(
        _ part: Range<UInt64>, of file: MappedFile, at address: PhysicalAddress
    ) throws(WriteError) {
        var (offset, place) = (part.lowerBound, address)
        while offset < part.upperBound {
            let count = min(UInt64(pageSize), part.upperBound - offset)
            let bytes = try rethrow(
                file.withBytes(at: offset, count: Int(count)) { [UInt8](copying: $0) }, as: WriteError.file)
            try put(bytes.count, at: place) { $0 = bytes }
            offset += count
            // The last page may end at the end of the address space.
            place = PhysicalAddress(place.rawValue &+ count)
        }
    }

    mutating func put(
        _ count: Int, at address: PhysicalAddress, _ fill: (inout [UInt8]) throws(WriteError) -> Void
    ) throws(WriteError) {
        var bytes = [UInt8](repeating: 0, count: count)
        try fill(&bytes)
        try rethrow(write(bytes, at: address)) { (_: MemoryError) in WriteError.outside(address, count) }
    }
}

extension [UInt8] {
    /// Sets the array to `count` zeros, then calls `fill` to write to it.
    mutating func refill(
        _ count: Int, _ fill: (inout [UInt8]) throws(WriteError) -> Void
    ) throws(WriteError) {
        removeAll(keepingCapacity: true)
        append(contentsOf: repeatElement(0, count: count))
        try fill(&self)
    }
}
