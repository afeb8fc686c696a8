/// Whether a number may be among `numbers` twice; where this says no, none is.
///
/// A set says it for certain, and takes ten times as long: its hash has to withstand those who choose the numbers.
/// Here, many that fall on the same places make it a perhaps.
func mayRepeat(_ numbers: some RandomAccessCollection<UInt64>) -> Bool {
    // Twice the room that is needed, so that a number is near to where it belongs. 0 is for a free place.
    let bits = Int.bitWidth - (numbers.count * 2 + 1).leadingZeroBitCount
    var table = [UInt64](repeating: 0, count: 1 << bits)
    for number in numbers {
        guard number != 0 else { return true }
        // Fibonacci hashing: the golden ratio of 2^64 spreads numbers that lie close together.
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
