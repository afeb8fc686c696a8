/// A tree assembled word by word, so that each word can be wrong.
struct RawTree {
    static let begin: UInt32 = 1
    static let endNode: UInt32 = 2
    static let prop: UInt32 = 3
    static let nop: UInt32 = 4
    static let end: UInt32 = 9

    var magic: UInt32 = 0xd00d_feed
    var version: UInt32 = 17
    var lastCompatible: UInt32 = 16
    /// Entries of the reservation block with the terminator, in words of 32 bits.
    var reservations: [UInt32] = [0, 0, 0, 0]
    var structure: [UInt32] = [begin, 0, endNode, end]
    var strings: [UInt8] = []

    /// Header values that differ from the actual ones.
    var totalSize: UInt32?
    var structureOffset: UInt32?
    var stringsOffset: UInt32?
    var reservationsOffset: UInt32?
    var stringsSize: UInt32?
    var structureSize: UInt32?
    /// Bytes between the reservation and the structure block.
    var gap = 0

    var bytes: [UInt8] {
        let structureStart = 40 + reservations.count * 4 + gap
        let stringsStart = structureStart + structure.count * 4
        let size = stringsStart + strings.count
        let header: [UInt32] = [
            magic, totalSize ?? UInt32(size), structureOffset ?? UInt32(structureStart),
            stringsOffset ?? UInt32(stringsStart), reservationsOffset ?? 40, version, lastCompatible, 0,
            stringsSize ?? UInt32(strings.count), structureSize ?? UInt32(structure.count * 4),
        ]
        return Self.bytes(header + reservations) + [UInt8](repeating: 0, count: gap) + Self.bytes(structure) + strings
    }

    private static func bytes(_ words: [UInt32]) -> [UInt8] {
        words.flatMap { word in [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: word >> $0) } }
    }
}

/// Up to four bytes of text in a word of the structure block.
func word(_ text: String) -> UInt32 {
    var word: UInt32 = 0
    for byte in (Array(text.utf8) + [0, 0, 0, 0]).prefix(4) { word = word << 8 | UInt32(byte) }
    return word
}
