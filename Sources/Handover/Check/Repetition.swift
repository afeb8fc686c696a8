/// Whether `numbers` may contain duplicates; if `false`, there are none.
///
/// A set is exact but ten times slower, as its hash resists chosen input. Here, many collisions result in `true`.
func mayRepeat(_ numbers: some RandomAccessCollection<UInt64>) -> Bool {
    // Twice the required size, so that numbers are close to their ideal slots. 0 marks a free slot.
    let bits = Int.bitWidth - (numbers.count * 2 + 1).leadingZeroBitCount
    var table = [UInt64](repeating: 0, count: 1 << bits)
    for number in numbers {
        guard number != 0 else { return true }
        // Fibonacci hashing: multiplying by 2^64 divided by the golden ratio spreads out numbers that are close
        // together.
        var place = Int((number &* 0x9E37_79B9_7F4A_7C15) >> UInt64(64 - bits))
        var tries = 0
        while table[place] != 0 {
            guard table[place] != number, tries < 64 else { return true }
            place = (place + 1) & (table.count - 1)
            tries += 1
        }
        table[place] = number
    }
    return false
}
