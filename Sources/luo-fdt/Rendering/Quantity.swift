import Handover

/// Formats numbers with their units.
enum Quantity {
    private static let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]

    /// Formats a byte count in the largest unit that fits: `64 KiB`, `1.5 GiB`.
    ///
    /// Exact below 1 MiB: anything but a whole number of KiB is shown in bytes.
    static func bytes(_ count: UInt64) -> String {
        var unit = 0
        while unit + 1 < units.count, count >> UInt64(10 * (unit + 1)) != 0 { unit += 1 }
        let shift = UInt64(10 * unit)
        let rest = count & ((1 << shift) - 1)
        if rest == 0 { return "\(count >> shift) \(units[unit])" }
        if unit < 2 { return "\(count) B" }
        let tenth = ((rest >> (shift - 10)) * 10) >> 10
        return "\(count >> shift).\(tenth) \(units[unit])"
    }

    /// Formats a number of things: `1 page`, `2 pages`, `no pages`.
    static func count(_ number: some BinaryInteger, _ singular: String, _ plural: String? = nil) -> String {
        switch number {
        case 0: "no \(plural ?? singular + "s")"
        case 1: "1 \(singular)"
        default: "\(number) \(plural ?? singular + "s")"
        }
    }

    /// The names of the bits that are set, with unnamed bits as a number; `none` for 0.
    static func flags(_ value: UInt64, names: [String]) -> String { ContentCell.flags(value, names: names) }
}
