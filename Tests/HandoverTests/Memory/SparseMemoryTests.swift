import KernelABI
import TestSupport
import Testing

@testable import Handover

@Suite struct SparseMemoryTests {
    @Test func writesAcrossPages() throws {
        var memory = SparseMemory(pageSize: 64)
        #expect(memory.regions.isEmpty)
        let bytes = (0..<200).map { UInt8($0) }
        try memory.write(bytes, at: PhysicalAddress(100))
        #expect(memory.regions == [range(64, 320)])
        #expect(try memory.copy(at: 100, count: 200) == bytes)
        #expect(try memory.copy(at: 64, count: 36) == [UInt8](repeating: 0, count: 36))
        #expect(try memory.copy(at: 127, count: 3) == [27, 28, 29])
        #expect(throws: MemoryError.notAvailable(address: PhysicalAddress(319), count: 2)) {
            try memory.copy(at: 319, count: 2)
        }
        #expect(throws: MemoryError.notAvailable(address: PhysicalAddress(63), count: 1)) {
            try memory.copy(at: 63, count: 1)
        }
        #expect(throws: MemoryError.notAvailable(address: PhysicalAddress(.max), count: 2)) {
            try memory.write([1, 2], at: PhysicalAddress(.max))
        }
        #expect(throws: MemoryError.self) { try memory.copy(at: 64, count: -1) }
        #expect(throws: MemoryError.self) { try memory.copy(at: .max, count: 2) }
    }

    @Test func allocatedPagesAreZeroAndNotStored() throws {
        var memory = SparseMemory(pageSize: 4096)
        try memory.write([7], at: PhysicalAddress(0x5000))
        memory.allocate(range(0x4001, 0x4002))
        memory.allocate(range(0x5000, 0x6001))
        memory.allocate(range(0x9000, 0x9000))
        #expect(memory.regions == [range(0x4000, 0x7000)])
        #expect(memory.storedExtents == [range(0x5000, 0x6000)])
        #expect(try memory.copy(at: 0x4FFF, count: 3) == [0, 7, 0])
        #expect(try memory.copy(at: 0x6FF0, count: 16) == [UInt8](repeating: 0, count: 16))
    }

    @Test func aCopyStaysAsItIs() throws {
        var memory = SparseMemory(pageSize: 4096)
        let copy = memory
        try memory.write([0xCD, 0xAB], at: PhysicalAddress(0x5123))
        #expect(try memory.copy(at: 0x5123, count: 2) == [0xCD, 0xAB])
        #expect(copy.regions.isEmpty)
        memory.removePage(at: PhysicalAddress(0x5FFF))
        #expect(memory.regions.isEmpty)
        #expect(memory.storedExtents.isEmpty)
        #expect(throws: MemoryError.self) { try memory.copy(at: 0x5123, count: 1) }
    }

    @Test func oddPageSizesAreRoundedUp() {
        #expect(SparseMemory(pageSize: 5000).pageSize == 8192)
        #expect(SparseMemory(pageSize: 0).pageSize == 16)
        #expect(SparseMemory(pageSize: .max).pageSize == 1 << 30)
    }

    @Test func theLastPageOfTheAddressSpace() throws {
        var memory = SparseMemory()
        memory.allocate(range(.max - 1, .max))
        #expect(memory.regions == [range(.max - 4095, .max)])
        #expect(try memory.copy(at: .max - 2, count: 2) == [0, 0])
    }

    /// Compares with a simple model: a dictionary of bytes.
    @Test(arguments: 0..<50) func agreesWithAModel(seed: Int) throws {
        var generator = SplitMix64(seed: UInt64(seed))
        var memory = SparseMemory(pageSize: 16)
        var model: [UInt64: UInt8] = [:]
        let limit: UInt64 = 4096
        func pages(_ start: UInt64, _ end: UInt64) -> Range<UInt64> { start & ~15..<(end + 15) & ~15 }
        for _ in 0..<60 {
            let start = UInt64.random(in: 0..<limit, using: &generator)
            switch Int.random(in: 0..<4, using: &generator) {
            case 0:
                let end = start + UInt64.random(in: 1...2000, using: &generator)
                memory.allocate(range(start, end))
                for address in pages(start, end) where model[address] == nil { model[address] = 0 }
            case 1:
                memory.removePage(at: PhysicalAddress(start))
                for address in pages(start, start + 1) { model[address] = nil }
            default:
                let bytes = (0..<Int.random(in: 1...100, using: &generator)).map {
                    UInt8(truncatingIfNeeded: $0 + seed)
                }
                try memory.write(bytes, at: PhysicalAddress(start))
                for address in pages(start, start + UInt64(bytes.count)) where model[address] == nil {
                    model[address] = 0
                }
                for (index, byte) in bytes.enumerated() { model[start + UInt64(index)] = byte }
            }
        }
        var expected: [Range<PhysicalAddress>] = []
        for address in model.keys.sorted() { expected.append(range(address, address + 1)) }
        #expect(memory.regions == mergeAdjacent(expected))
        for _ in 0..<200 {
            let start = UInt64.random(in: 0..<limit + 100, using: &generator)
            let count = Int.random(in: 0...80, using: &generator)
            let bytes = (0..<count).compactMap { model[start + UInt64($0)] }
            if bytes.count == count {
                #expect(try memory.copy(at: start, count: count) == bytes)
            } else {
                #expect(throws: MemoryError.notAvailable(address: PhysicalAddress(start), count: count)) {
                    try memory.copy(at: start, count: count)
                }
            }
        }
    }

    @Test(.timeLimit(.minutes(10))) func aHundredThousandPagesInRandomOrder() throws {
        var generator = SplitMix64(seed: 3)
        var memory = SparseMemory(pageSize: 64)
        for page in (0..<100_000 as Range<UInt64>).shuffled(using: &generator) {
            if page % 2 == 0 {
                try memory.write([UInt8(truncatingIfNeeded: page)], at: PhysicalAddress(page * 128))
            } else {
                memory.allocate(range(page * 128, page * 128 + 64))
            }
        }
        #expect(memory.regions.count == 100_000)
        #expect(memory.storedExtents.count == 50_000)
    }
}
