import KernelABI

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
            words[last.key] = last.word
            last = (key, words[key] ?? 0)
        }
        defer { last.word |= bit }
        return last.word & bit == 0
    }
}
