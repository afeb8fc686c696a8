import KernelABI

/// The pieces of a handover that were already visited, by role.
struct VisitedPlaces {
    private var sets: [(role: Extent.Role, addresses: AddressSet)] = []

    /// Adds a piece; `false` if there already is one with its role.
    mutating func insert(_ address: PhysicalAddress, as role: Extent.Role) -> Bool {
        // Linear search: there are few roles.
        let index = sets.firstIndex { $0.role == role } ?? sets.endIndex
        if index == sets.endIndex { sets.append((role, AddressSet())) }
        return sets[index].addresses.insert(address)
    }
}

/// A set of addresses, most of which are of pages close to each other.
struct AddressSet {
    /// Bit masks of multiples of 4 KiB, 64 per word, by number / 64.
    private var words: [UInt64: UInt64] = [:]
    /// The most recently used word is here and not in ``words``: it is likely to contain the next page, too.
    private var last: (key: UInt64, word: UInt64) = (0, 0)
    private var others: Set<PhysicalAddress> = []

    /// Adds an address; `false` if the set already contains it.
    mutating func insert(_ address: PhysicalAddress) -> Bool {
        guard address.rawValue & 0xfff == 0 else { return others.insert(address).inserted }
        let page = address.rawValue >> 12
        let key = page >> 6
        let bit: UInt64 = 1 << (page & 63)
        if key != last.key {
            // Empty before the first address. A single word needs no dictionary.
            if last.word != 0 { words[last.key] = last.word }
            last = (key, words[key] ?? 0)
        }
        defer { last.word |= bit }
        return last.word & bit == 0
    }
}
