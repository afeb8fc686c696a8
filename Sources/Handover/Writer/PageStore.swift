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

    /// Puts a part of a file at an address, and makes its pages a part of the image.
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
            // The last page may end where the address space does.
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
    /// Becomes `count` zeros, and what `fill` writes into them.
    mutating func refill(
        _ count: Int, _ fill: (inout [UInt8]) throws(WriteError) -> Void
    ) throws(WriteError) {
        removeAll(keepingCapacity: true)
        append(contentsOf: repeatElement(0, count: count))
        try fill(&self)
    }
}
