import Testing

@testable import Handover

@Suite struct BitmapTests {
    /// Pages of bits: few runs and many, at word boundaries and within words, none, and all.
    static let pages: [[UInt64]] = [
        [], [0, 0], [1], [1 << 63], [0, 1 << 63, 1], [.max], [.max, .max, .max, .max], [0, .max, .max << 1, 0, 0],
        [0b1010_1101, 0, 0, 0, 0, 0, 0, 0], [0xAAAA_AAAA_AAAA_AAAA, 0x5555_5555_5555_5555, .max],
        [UInt64](repeating: 0xAAAA_AAAA_AAAA_AAAA, count: 512), [UInt64](repeating: .max, count: 512),
        [.max >> 1, 0, .max << 63, .max, 0, 0, 0, 7],
    ]

    /// The page as the reader reads it.
    static func read(_ page: [UInt64]) -> Bitmap {
        var scratch: [Range<UInt32>] = [1..<2]
        return Bitmap(wordCount: page.count, scratch: &scratch) { page[$0] }
    }

    @Test(arguments: pages)
    func `bits are the same, however they are held`(page: [UInt64]) {
        let expected = Set((0..<page.count * 64).filter { page[$0 / 64] >> UInt64($0 % 64) & 1 != 0 })
        var inserted = Bitmap()
        for bit in expected.shuffled() { inserted.insert(bit) }
        var inRuns = Bitmap()
        inserted.forEachRun { inRuns.insert($0) }
        for bitmap in [Bitmap(words: page), Self.read(page), inserted, inRuns] {
            #expect(bitmap == inserted)
            #expect(bitmap.hashValue == inserted.hashValue)
            #expect(bitmap.words == Bitmap(words: page).words)
            #expect(Set((-1...page.count * 64).filter(bitmap.contains)) == expected)
            #expect(bitmap.last == expected.max())
            var runs: [Range<Int>] = []
            bitmap.forEachRun { runs.append($0) }
            #expect(runs.count == bitmap.runCount)
            #expect(runs.flatMap { Array($0) } == expected.sorted())
            #expect(zip(runs, runs.dropFirst()).allSatisfy { $0.upperBound < $1.lowerBound })
            #expect(Bitmap(bitmap.description) == bitmap)
        }
    }

    @Test(arguments: pages)
    func `bits of runs are changed like those of words`(page: [UInt64]) {
        var bitmap = Self.read(page)
        var other = Bitmap(words: page)
        for bit in [3, 64, 200] {
            bitmap.insert(bit)
            other.insert(bit)
            #expect(bitmap == other && bitmap.contains(bit))
        }
    }
}
