import KernelABI

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
