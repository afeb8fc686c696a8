import KernelABI

/// The pages of an image without their contents: which pages there are, and which are written.
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
        try put(UInt64(count), at: address)
    }

    mutating func put(
        _ part: Range<UInt64>, of file: MappedFile, at address: PhysicalAddress
    ) throws(WriteError) {
        try put(part.upperBound - part.lowerBound, at: address)
    }

    private mutating func put(_ count: UInt64, at address: PhysicalAddress) throws(WriteError) {
        guard let end = address.advanced(by: count) else { throw .outside(address, Int(clamping: count)) }
        available.insert(address..<end)
        stored.insert(address..<end)
    }
}
