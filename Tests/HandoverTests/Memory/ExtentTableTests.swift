import KernelABI
import TestSupport
import Testing

@testable import Handover

@Suite("Extents by address")
struct ExtentTableTests {
    private struct Piece: MemoryExtent, Hashable, Sendable {
        var range: Range<PhysicalAddress>

        init(_ start: UInt64, _ end: UInt64) {
            range = PhysicalAddress(start)..<PhysicalAddress(end)
        }
    }

    /// The result of a linear search.
    private func first(of pieces: [Piece], endingBehind address: UInt64) -> Int {
        pieces.firstIndex { $0.range.upperBound.rawValue > address } ?? pieces.count
    }

    @Test("What is found is what going through all of them finds", arguments: 0..<40)
    func likeASearch(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        // Close together, far apart, and both: parts have equal lengths, but distances vary.
        var pieces: [Piece] = []
        var end = random.next() >> UInt64.random(in: 1...63, using: &random)
        for _ in 0..<Int.random(in: 0...60, using: &random) {
            let gap = Bool.random(using: &random) ? 0 : random.next() >> UInt64.random(in: 8...62, using: &random)
            let (start, isBehind) = end.addingReportingOverflow(gap)
            let (next, overflow) = start.addingReportingOverflow(
                1 + random.next() >> UInt64.random(in: 8...62, using: &random))
            if isBehind || overflow { break }
            pieces.append(Piece(start, next))
            end = next
        }
        let table = ExtentTable(pieces)
        #expect(Array(table) == pieces)
        var addresses: [UInt64] = [0, .max, random.next()]
        for piece in pieces {
            for bound in [piece.range.lowerBound.rawValue, piece.range.upperBound.rawValue] {
                addresses += [bound &- 1, bound, bound &+ 1]
            }
        }
        for address in addresses {
            #expect(
                table.firstIndex(endingBehind: PhysicalAddress(address)) == first(of: pieces, endingBehind: address))
        }
    }

    @Test func aRangeIsCoveredByWhatAdjoins() {
        let table = ExtentTable([Piece(0x1000, 0x2000), Piece(0x2000, 0x3000), Piece(0x4000, 0x5000)])
        func indices(_ start: UInt64, _ end: UInt64) -> Range<Int>? {
            table.indices(covering: PhysicalAddress(start)..<PhysicalAddress(end))
        }
        #expect(indices(0x1000, 0x2000) == 0..<1)
        #expect(indices(0x1fff, 0x2001) == 0..<2)
        #expect(indices(0x2fff, 0x4001) == nil)
        #expect(indices(0x4000, 0x5000) == 2..<3)
        #expect(indices(0x4000, 0x5001) == nil)
        #expect(indices(0xfff, 0x1001) == nil)
        #expect(ExtentTable([Piece(5, 5)]).indices(covering: PhysicalAddress(5)..<PhysicalAddress(6)) == nil)
        #expect(ExtentTable<Piece>([]).indices(covering: PhysicalAddress(0)..<PhysicalAddress(1)) == nil)
    }

    @Test func theWholeAddressSpace() {
        let table = ExtentTable([Piece(0, 1), Piece(1, 2), Piece(.max - 1, .max)])
        #expect(table.firstIndex(endingBehind: PhysicalAddress(1)) == 1)
        #expect(table.firstIndex(endingBehind: PhysicalAddress(2)) == 2)
        #expect(table.firstIndex(endingBehind: PhysicalAddress(.max)) == 3)
    }
}
