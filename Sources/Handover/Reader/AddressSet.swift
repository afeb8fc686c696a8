import KernelABI

/// Which pieces of a handover were already visited, by role.
struct VisitedPlaces {
    private var sets: [(role: Extent.Role, addresses: AddressSet)] = []

    /// Notes a piece; `false` where there was one of its role before.
    mutating func insert(_ address: PhysicalAddress, as role: Extent.Role) -> Bool {
        // A handful of roles: to compare them is quicker than to hash one.
        let index = sets.firstIndex { $0.role == role } ?? sets.endIndex
        if index == sets.endIndex { sets.append((role, AddressSet())) }
        return sets[index].addresses.insert(address)
    }
}

/// A set of addresses, most of them of pages that lie close together.
struct AddressSet {
    /// Multiples of 4 KiB, 64 of them a word, by number / 64.
    private var words: [UInt64: UInt64] = [:]
    /// The word that was looked at last is here and not in ``words``: the next page is likely in it, too.
    private var last: (key: UInt64, word: UInt64) = (0, 0)
    private var others: Set<PhysicalAddress> = []

    /// Adds an address; `false` where it is in the set already.
    mutating func insert(_ address: PhysicalAddress) -> Bool {
        guard address.rawValue & 0xfff == 0 else { return others.insert(address).inserted }
        let page = address.rawValue >> 12
        let key = page >> 6
        let bit: UInt64 = 1 << (page & 63)
        if key != last.key {
            // Nothing before the first: one word alone asks for no dictionary.
            if last.word != 0 { words[last.key] = last.word }
            last = (key, words[key] ?? 0)
        }
        defer { last.word |= bit }
        return last.word & bit == 0
    }
}
