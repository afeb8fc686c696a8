import KernelABI
import TestSupport
import Testing

@testable import Handover

@Suite struct LayeredMemoryTests {
    private static func memory(_ byte: UInt8, _ pages: [UInt64]) throws -> SparseMemory {
        var memory = SparseMemory(pageSize: 64)
        for page in pages { try memory.write([UInt8](repeating: byte, count: 64), at: PhysicalAddress(page * 64)) }
        return memory
    }

    @Test func theFirstLayerThatHoldsAnAddressIsRead() throws {
        var top = try Self.memory(1, [1, 5])
        top.statedMachine = .aarch64
        let layered = LayeredMemory([top, try Self.memory(2, [0, 1, 2, 3]), try Self.memory(3, [3, 4, 5, 9])])
        #expect(layered.regions == [range(0, 384), range(576, 640)])
        #expect(layered.statedMachine == .aarch64)
        #expect(layered.statedPageSize == 64)
        let expected = [2, 1, 2, 2, 3, 1].flatMap { [UInt8](repeating: $0, count: 64) }
        #expect(try layered.copy(at: 0, count: 384) == expected)
        for (start, count) in [(0, 64), (63, 2), (64, 64), (100, 200), (383, 1)] {
            #expect(try layered.copy(at: UInt64(start), count: count) == Array(expected[start..<start + count]))
        }
        for (start, count) in [(383, 2), (384, 1), (400, 200), (639, 2), (0, -1), (0, .max)] as [(UInt64, Int)] {
            #expect(throws: MemoryError.notAvailable(address: PhysicalAddress(start), count: count)) {
                try layered.copy(at: start, count: count)
            }
        }
    }

    @Test func zeroesOfAnUpperLayerHideBytesBelow() throws {
        var top = SparseMemory(pageSize: 64)
        top.allocate(range(64, 128))
        let layered = LayeredMemory([top, try Self.memory(2, [0, 1, 2])])
        #expect(layered.storedExtents == [range(0, 64), range(128, 192)])
        #expect(try layered.copy(at: 63, count: 66) == [2] + [UInt8](repeating: 0, count: 64) + [2])
    }

    @Test func noLayersHoldNothing() {
        let layered = LayeredMemory([])
        #expect(layered.regions.isEmpty)
        #expect(throws: MemoryError.self) { try layered.copy(at: 0, count: 1) }
    }

    /// Compares with a simple model: for each address, the first range that contains it.
    @Test(arguments: 0..<200) func overlapsAreResolvedAsInAModel(seed: Int) {
        var generator = SplitMix64(seed: UInt64(seed))
        let ranges = (0..<Int.random(in: 0...12, using: &generator)).map { _ in
            let start = UInt64.random(in: 0..<50, using: &generator)
            return range(start, start + UInt64.random(in: 0...20, using: &generator))
        }
        let resolved = resolveOverlaps(ranges)
        for address in (0..<80 as Range<UInt64>).map({ PhysicalAddress($0) }) {
            let owners = resolved.filter { $0.range.contains(address) }.map(\.owner)
            #expect(owners == ranges.indices.filter { ranges[$0].contains(address) }.prefix(1).map { $0 })
        }
        for (left, right) in zip(resolved, resolved.dropFirst()) {
            #expect(left.range.upperBound <= right.range.lowerBound)
        }
    }
}
