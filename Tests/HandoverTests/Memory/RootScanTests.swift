import KernelABI
import Testing

@testable import Handover

@Suite struct RootScanTests {
    /// An FDT with one property, whose value is `compatible`.
    private static func tree(compatible: String = "kho-v4", padding: Int = 0) -> [UInt8] {
        var value = Array(compatible.utf8) + [0]
        value += [UInt8](repeating: 0, count: -value.count & 3)
        let structs: [UInt32] = [1, 0, 3, UInt32(compatible.utf8.count + 1), 0]
        let structsSize = structs.count * 4 + value.count + 8
        let strings = Array("compatible".utf8) + [0]
        let size = 56 + structsSize + strings.count + padding
        let header: [UInt32] = [
            0xD00D_FEED, UInt32(size), 56, UInt32(56 + structsSize), 40, 17, 16, 0, UInt32(strings.count),
            UInt32(structsSize), 0, 0, 0, 0,
        ]
        func bigEndian(_ words: [UInt32]) -> [UInt8] {
            words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (24 - 8 * $0)) } }
        }
        return bigEndian(header) + bigEndian(structs) + value + bigEndian([2, 9]) + strings
            + [UInt8](repeating: 0, count: padding)
    }

    private static func memory(_ trees: [UInt64: [UInt8]], pageSize: Int = 4096) throws -> SparseMemory {
        var memory = SparseMemory(pageSize: pageSize)
        for (address, bytes) in trees { try memory.write(bytes, at: PhysicalAddress(address)) }
        return memory
    }

    private static func candidates(_ memory: some PhysicalMemory) -> [UInt64] {
        RootScan(of: memory).candidates.map(\.rawValue)
    }

    @Test func findsRootsAtPageBoundariesInAscendingOrder() throws {
        let memory = try Self.memory([
            0x9000: Self.tree(), 0x1000: Self.tree(compatible: "kho-v1"), 0x40_0000: Self.tree(compatible: "kho-v77"),
            0x3004: Self.tree(), 0x5800: Self.tree(), 0x7000: Self.tree(compatible: "luo-v1"),
            0x8000: [0xD0, 0x0D, 0xFE, 0xED],
        ])
        #expect(Self.candidates(memory) == [0x1000, 0x9000, 0x40_0000])
        // As one mapped piece each, and as pieces in a core.
        let core = try ELFCore(bytes: ELFCoreWriter(machine: .x86_64, pageSize: 4096).bytes(of: memory))
        #expect(Self.candidates(core) == [0x1000, 0x9000, 0x40_0000])
    }

    @Test func findsRootsInLargerPages() throws {
        let memory = try Self.memory([0x1_0000: Self.tree(), 0x3_0000: Self.tree(padding: 60_000)], pageSize: 65536)
        #expect(Self.candidates(memory) == [0x1_0000, 0x3_0000])
    }

    @Test func passesOverHeadersThatMakeNoSense() throws {
        let good = Self.tree()
        #expect(try Self.candidates(Self.memory([0: good])) == [0])
        for (word, value) in [
            (1, 0), (1, 39), (1, 65537), (1, .max), (2, .max), (2, 0), (3, .max), (3, 4), (4, .max), (5, 16), (6, 18),
            (8, .max), (9, .max),
        ] as [(Int, UInt32)] {
            var bytes = good
            for index in 0..<4 { bytes[word * 4 + index] = UInt8(truncatingIfNeeded: value >> (24 - 8 * index)) }
            #expect(try Self.candidates(Self.memory([0: bytes])) == [], "word \(word) is \(value)")
        }
    }

    @Test func memoryThatIsZeroIsNotLookedAt() throws {
        var memory = try Self.memory([0x5000: Self.tree()])
        memory.allocate(range(0x10_0000, 1 << 36))
        #expect(Self.candidates(memory) == [0x5000])
    }

    @Test func piecesThatBeginAnywhere() throws {
        // The first root spans two segments, and so does the magic number of the second.
        let tree = Self.tree()
        let contents = tree + tree
        for cut in [1, 3, 4, 20, 50] {
            let core = try ELFCore(
                bytes: RawCore(
                    segments: [
                        .init(offset: 0x1000, physical: 0x7000, fileSize: UInt64(cut), memorySize: UInt64(cut)),
                        .init(
                            offset: UInt64(0x1000 + tree.count + cut), physical: UInt64(0x7000 + cut),
                            fileSize: UInt64(tree.count - cut), memorySize: UInt64(tree.count - cut)),
                    ], contents: contents
                ).bytes)
            #expect(core.storedExtents.count == 2)
            #expect(Self.candidates(core) == [0x7000], "cut at \(cut)")
        }
    }

    @Test func stopsAtTheLimit() throws {
        let trees = Dictionary(uniqueKeysWithValues: (0..<20 as Range<UInt64>).map { ($0 * 4096, Self.tree()) })
        let memory = try Self.memory(trees)
        let scan = RootScan(of: memory, limit: 20)
        #expect(scan.candidates.count == 20)
        #expect(!scan.reachedLimit)
        let limited = RootScan(of: memory, limit: 19)
        #expect(limited.candidates.map(\.rawValue) == (0..<19).map { UInt64($0) * 4096 })
        #expect(limited.reachedLimit)
    }

    /// Zeros in pieces of 1 MiB, with roots in them, as if they were stored.
    private struct Spread: PhysicalMemory {
        var pieces: UInt64 = 200
        var roots: [UInt64] = []
        var regions: [Range<PhysicalAddress>] { [range(0, pieces << 20)] }
        var storedExtents: [Range<PhysicalAddress>] { (0..<pieces).map { range($0 << 20, ($0 + 1) << 20) } }

        func withBytes<Result>(
            at address: PhysicalAddress, count: Int, _ body: (RawSpan) -> Result
        ) throws(MemoryError) -> Result {
            var bytes = [UInt8](repeating: 0, count: count)
            for root in roots where address.rawValue..<address.rawValue + UInt64(count) ~= root {
                let tree = RootScanTests.tree()
                let start = Int(root - address.rawValue)
                for (index, byte) in tree.enumerated() where start + index < count { bytes[start + index] = byte }
            }
            return body(bytes.span.bytes)
        }
    }

    @Test func reportsProgressUpToTheTotal() throws {
        var calls: [UInt64] = []
        _ = RootScan(of: Spread()) { done, total in
            #expect(total == 200 << 20)
            calls.append(done)
        }
        #expect(calls == [64, 128, 192, 200].map { $0 << 20 })
    }

    // Chunks of the larger one are searched in parallel.
    @Test(arguments: [200, 1100]) func rootsFarApartAreFoundInTheirOrder(pieces: UInt64) {
        let roots: [UInt64] = [0, 0x0ff_f000, 0x10f_0000, 0x3ff_f000, 0x400_0000, 0x401_2000, pieces << 20 - 4096]
        #expect(Self.candidates(Spread(pieces: pieces, roots: roots)) == roots)
        let limited = RootScan(of: Spread(pieces: pieces, roots: roots), limit: 5)
        #expect(limited.candidates.map(\.rawValue) == Array(roots.prefix(5)))
        #expect(limited.reachedLimit)
    }

    @Test func pagesThatASourceLacksDoNotStopTheSearch() {
        /// Claims to have 16 MiB, but lacks every other page.
        struct Holey: PhysicalMemory {
            let tree: [UInt8]
            var regions: [Range<PhysicalAddress>] { [range(0, 16 << 20)] }

            func withBytes<Result>(
                at address: PhysicalAddress, count: Int, _ body: (RawSpan) -> Result
            ) throws(MemoryError) -> Result {
                let page = address.rawValue / 4096
                guard page % 2 == 0, address.rawValue % 4096 + UInt64(count) <= 4096 else {
                    throw .notAvailable(address: address, count: count)
                }
                let start = Int(address.rawValue % 4096)
                let bytes = (page == 1000 ? tree : []) + [UInt8](repeating: 0, count: 4096)
                return body(bytes.span.bytes.extracting(start..<start + count))
            }
        }
        let scan = RootScan(of: Holey(tree: Self.tree()))
        #expect(scan.candidates == [PhysicalAddress(1000 * 4096)])
        #expect(scan.unreadableBytes == 8 << 20)
    }
}
