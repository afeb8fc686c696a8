import KernelABI
import SystemPackage
import TestSupport
import Testing

@testable import Handover

@Suite struct ELFCoreTests {
    private static let pattern = (0..<0x4000).map { UInt8(truncatingIfNeeded: $0 ^ ($0 >> 8)) }

    @Test func readsSegmentsAtTheirPhysicalAddresses() throws {
        let core = try ELFCore(
            bytes: RawCore(
                segments: [
                    .init(offset: 0x2000, physical: 0x9000, fileSize: 0x1000, memorySize: 0x1000),
                    .init(offset: 0x1000, physical: 0x5000, fileSize: 0x1000, memorySize: 0x1000),
                ], contents: Self.pattern
            ).bytes)
        #expect(core.regions == [range(0x5000, 0x6000), range(0x9000, 0xA000)])
        #expect(core.storedExtents == core.regions)
        #expect(core.damage.isEmpty)
        #expect(core.statedMachine == .x86_64)
        #expect(core.statedPageSize == nil)
        #expect(try core.copy(at: 0x5000, count: 0x1000) == Array(Self.pattern[..<0x1000]))
        #expect(try core.copy(at: 0x9FFF, count: 1) == [Self.pattern[0x1FFF]])
        for (address, count) in [
            (0x4FFF, 1), (0x4FFF, 2), (0x5FFF, 2), (0x6000, 1), (0x8FFF, 2), (0x9000, 0x1001), (0x5000, 0x5000),
            (0, 0x10000), (.max, 1), (.max, 2), (0x5000, .max), (0x5000, -1),
        ] as [(UInt64, Int)] {
            #expect(throws: MemoryError.notAvailable(address: PhysicalAddress(address), count: count)) {
                try core.copy(at: address, count: count)
            }
        }
    }

    @Test func stitchesReadsAcrossAdjacentSegments() throws {
        // Adjacent in memory, but in reverse order in the file; then zeros; then adjacent in both.
        let core = try ELFCore(
            bytes: RawCore(
                segments: [
                    .init(offset: 0x2000, physical: 0x5000, fileSize: 0x1000, memorySize: 0x1000),
                    .init(offset: 0x1000, physical: 0x6000, fileSize: 0x1000, memorySize: 0x2000),
                    .init(offset: 0x3000, physical: 0x8000, fileSize: 0x1000, memorySize: 0x1000),
                    .init(offset: 0x4000, physical: 0x9000, fileSize: 0x1000, memorySize: 0x1000),
                ], contents: Self.pattern
            ).bytes)
        #expect(core.regions == [range(0x5000, 0xA000)])
        #expect(core.storedExtents == [range(0x5000, 0x6000), range(0x6000, 0x7000), range(0x8000, 0xA000)])
        let zeroes = [UInt8](repeating: 0, count: 0x1000)
        let memory =
            Array(Self.pattern[0x1000..<0x2000]) + Self.pattern[..<0x1000] + zeroes + Self.pattern[0x2000..<0x4000]
        #expect(try core.copy(at: 0x5000, count: 0x5000) == memory)
        for start in [0, 1, 0xFFF, 0x1800, 0x2FFF] {
            for count in [2, 0x1000, 0x1001, 0x2001] {
                #expect(
                    try core.copy(at: 0x5000 + UInt64(start), count: count) == Array(memory[start..<start + count]))
            }
        }
    }

    @Test func theFirstOfOverlappingSegmentsIsRead() throws {
        let ones = [UInt8](repeating: 1, count: 0x3000)
        let twos = [UInt8](repeating: 2, count: 0x1000)
        let threes = [UInt8](repeating: 3, count: 0x4000)
        let core = try ELFCore(
            bytes: RawCore(
                segments: [
                    .init(offset: 0x1000, physical: 0x2000, fileSize: 0x3000, memorySize: 0x3000),
                    .init(offset: 0x4000, physical: 0x3000, fileSize: 0x1000, memorySize: 0x1000),
                    .init(offset: 0x5000, physical: 0x1000, fileSize: 0x4000, memorySize: 0x6000),
                ], contents: ones + twos + threes
            ).bytes)
        #expect(core.regions == [range(0x1000, 0x7000)])
        for (address, byte) in [(0x1000, 3), (0x1FFF, 3), (0x2000, 1), (0x3000, 1), (0x4FFF, 1), (0x5000, 0)] {
            #expect(try core.copy(at: UInt64(address), count: 1) == [UInt8(byte)], "at \(address)")
        }
    }

    @Test func zeroFilledMemoryReadsAsZeroAndIsNotStored() throws {
        let core = try ELFCore(
            bytes: RawCore(
                segments: [
                    .init(offset: 0x1000, physical: 0x1000, fileSize: 0x10, memorySize: 1 << 40)
                ], contents: Self.pattern
            ).bytes)
        #expect(core.regions == [range(0x1000, 0x1000 + 1 << 40)])
        #expect(core.storedExtents == [range(0x1000, 0x1010)])
        #expect(try core.copy(at: 0x100F, count: 3) == [Self.pattern[15], 0, 0])
        #expect(try core.copy(at: 1 << 30, count: 1 << 20) == [UInt8](repeating: 0, count: 1 << 20))
        // Nothing allocates as much as a hostile file claims.
        #expect(throws: MemoryError.self) { try core.copy(at: 0x1000, count: 1 << 39) }
        #expect(throws: MemoryError.self) { try core.copy(at: 0x2000, count: 1 << 39) }
    }

    @Test func whatAFileCutShortLacksIsNotAvailable() throws {
        let whole = RawCore(
            segments: [
                .init(offset: 0x1000, physical: 0x10000, fileSize: 0x2000, memorySize: 0x3000),
                .init(offset: 0x3000, physical: 0x20000, fileSize: 0x1000, memorySize: 0x1000),
            ], contents: Self.pattern
        ).bytes
        let core = try ELFCore(bytes: Array(whole[..<0x1800]))
        #expect(core.regions == [range(0x10000, 0x10800), range(0x12000, 0x13000)])
        #expect(
            core.damage == [
                .cutShort(count: 0x1800, stated: 0x4000)
            ])
        #expect(throws: MemoryError.self) { try core.copy(at: 0x10800, count: 1) }
        let headersOnly = try ELFCore(bytes: Array(whole[..<130]))
        #expect(headersOnly.damage.first == .programHeadersMissing(stated: 2, present: 1))
    }

    /// /proc/kcore contains virtual memory, too.
    @Test func segmentsWithoutAPhysicalAddressAreNoDamage() throws {
        let core = try ELFCore(
            bytes: RawCore(
                segments: [
                    .init(offset: 0x1000, virtual: 1 << 63, physical: .max, fileSize: 1 << 40, memorySize: 1 << 40),
                    .init(offset: 0x1000, virtual: 3 << 62, physical: 0x5000, fileSize: 0x1000, memorySize: 0x1000),
                ], contents: Self.pattern
            ).bytes)
        #expect(core.regions == [range(0x5000, 0x6000)])
        #expect(core.damage.isEmpty)
    }

    @Test func moreSegmentsThanAreCountedAreRefused() throws {
        var bytes = RawCore(
            segments: [
                .init(offset: 0x1000, physical: 0x5000, fileSize: 0x1000, memorySize: 0x1000)
            ], contents: Self.pattern
        ).bytes
        bytes.put(0xFFFF as UInt16, at: 56)
        #expect(throws: ELFError.noSegmentCount) { try ELFCore(bytes: bytes) }
    }

    @Test func segmentsThatMakeNoSenseAreLeftOut() throws {
        let core = try ELFCore(
            bytes: RawCore(
                segments: [
                    .init(offset: 0x1000, physical: .max - 1, fileSize: 0x1000, memorySize: 0x1000),
                    .init(offset: 0x1000, physical: 0x5000, fileSize: 0x2000, memorySize: 0x1000),
                    .init(offset: .max, physical: 0x9000, fileSize: .max, memorySize: 0x1000),
                ], contents: Self.pattern
            ).bytes)
        #expect(core.regions == [range(0x5000, 0x6000)])
        #expect(
            core.damage == [
                .segmentWraps(index: 0, address: PhysicalAddress(.max - 1), size: 0x1000),
                .segmentSizesDisagree(index: 1, fileSize: 0x2000, memorySize: 0x1000),
                .segmentSizesDisagree(index: 2, fileSize: .max, memorySize: 0x1000),
                .cutShort(count: 0x5000, stated: .max),
            ])
    }

    @Test func refusesWhatIsNotACoreOfPhysicalMemory() throws {
        let good = RawCore(
            segments: [
                .init(offset: 0x1000, physical: 0x5000, fileSize: 0x1000, memorySize: 0x1000)
            ], contents: Self.pattern)
        func refusal(_ change: (inout [UInt8]) -> Void) -> ELFError? {
            var bytes = good.bytes
            change(&bytes)
            do throws(ELFError) {
                _ = try ELFCore(bytes: bytes)
                return nil
            } catch {
                return error
            }
        }
        #expect(refusal { _ in } == nil)
        #expect(refusal { $0[0] = 0 } == .notELF)
        #expect(refusal { $0.removeAll() } == .notELF)
        #expect(refusal { $0[4] = 1 } == .notELF64(class: 1))
        #expect(refusal { $0[5] = 2 } == .notLittleEndian(data: 2))
        #expect(refusal { $0.put(2 as UInt16, at: 16) } == .notCore(type: 2))
        #expect(refusal { $0.put(32 as UInt16, at: 54) } == .programHeaderSize(found: 32, expected: 56))
        let size = UInt64(good.bytes.count)
        #expect(
            refusal { $0.put(UInt64.max, at: 32) }
                == .outsideFile(structure: "program header table", offset: .max, fileSize: size))
        #expect(
            refusal {
                $0.put(0xFFFF as UInt16, at: 56)
                $0.put(size - 63, at: 40)
            }
                == .outsideFile(
                    structure: "section header 0 (e_phnum is PN_XNUM)", offset: size - 63, fileSize: size))
        #expect(
            refusal {
                $0.put(0x5000 as UInt64, at: 80)
                $0.put(0 as UInt64, at: 88)
            } == .noPhysicalAddresses)
        // Physical memory that begins at 0 is not such a case.
        #expect(refusal { $0.put(0 as UInt64, at: 88) } == nil)
    }

    @Test func readsTheMachineAndVMCOREINFO() throws {
        var note: [UInt8] = []
        ELFNote.append(name: "CORE", contents: [1, 2, 3, 4, 5], to: &note)
        ELFNote.append(name: "VMCOREINFO", contents: Array("OSRELEASE=6.1-x\nPAGESIZE=16384\nX=1\n".utf8), to: &note)
        var raw = RawCore(
            segments: [
                .init(type: 4, offset: 0x1000, physical: 0, fileSize: UInt64(note.count), memorySize: 0)
            ], contents: note, machine: 183)
        let core = try ELFCore(bytes: raw.bytes)
        #expect(core.statedMachine == .aarch64)
        #expect(core.statedPageSize == 16384)
        #expect(core.osRelease == "6.1-x")
        #expect(core.regions.isEmpty)

        raw.contents = note.map { $0 == UInt8(ascii: "6") ? UInt8(ascii: "7") : $0 }
        raw.machine = 3
        let odd = try ELFCore(bytes: raw.bytes)
        #expect(odd.statedMachine == nil)
        #expect(odd.statedPageSize == nil)
        #expect(odd.damage == [.pageSize("17384"), .machine(3)])
    }

    @Test func looksLikeOneByItsMagicAlone() {
        func looksLikeOne(_ bytes: [UInt8]) -> Bool { ELFCore.looksLikeOne(bytes.span.bytes) }
        #expect(looksLikeOne([0x7F, 0x45, 0x4C, 0x46]))
        #expect(!looksLikeOne([0x7F, 0x45, 0x4C]))
        #expect(!looksLikeOne(Array("KDUMP   ".utf8)))
    }

    // MARK: Hostile files

    /// Opens a file and, if that succeeds, reads all over it: nothing may trap, hang or allocate without limit.
    private func exercise(_ bytes: [UInt8]) {
        guard let core = try? ELFCore(bytes: bytes) else { return }
        var previous = PhysicalAddress(0)
        for region in core.regions {
            #expect(region.lowerBound >= previous && !region.isEmpty)
            previous = region.upperBound
            let size = region.upperBound.rawValue - region.lowerBound.rawValue
            let count = Int(min(size, 0x4000))
            #expect(throws: Never.self) { try core.copy(at: region.lowerBound.rawValue, count: count) }
            #expect(throws: Never.self) {
                try core.copy(at: region.upperBound.rawValue - UInt64(count), count: count)
            }
            #expect(throws: MemoryError.self) { try core.copy(at: region.upperBound.rawValue, count: 1) }
        }
        _ = RootScan(of: core)
    }

    private static let small: [UInt8] = {
        var memory = SparseMemory(pageSize: 64)
        memory.allocate(range(0x1000, 0x1200))
        for address in [0x1000, 0x1040, 0x1100, 0x3000] as [UInt64] {
            try? memory.write(repeatElement(UInt8(address >> 6 & 0xFF), count: 64), at: PhysicalAddress(address))
        }
        let writer = ELFCoreWriter(machine: .x86_64, pageSize: 64, osRelease: "7.3.4")
        return (try? writer.bytes(of: memory)) ?? []
    }()

    @Test func everyPrefixOfACore() throws {
        #expect(Self.small.count > 600)
        for length in 0...Self.small.count { exercise(Array(Self.small[..<length])) }
    }

    @Test func everyFieldWithEveryBadValue() {
        let header = [(16, 2), (18, 2), (32, 8), (40, 8), (54, 2), (56, 2), (58, 2), (60, 2)]
        let program = [(0, 4), (4, 4), (8, 8), (16, 8), (24, 8), (32, 8), (40, 8), (48, 8)]
        let count = Int(Self.small[56])
        let fields = header + (0..<count).flatMap { index in program.map { ($0.0 + 64 + index * 56, $0.1) } }
        for (offset, size) in fields {
            var old: UInt64 = 0
            for index in 0..<size { old |= UInt64(Self.small[offset + index]) << (8 * index) }
            let fileSize = UInt64(Self.small.count)
            let values: [UInt64] = [
                0, 1, .max, .max - 1, old &+ 1, old &- 1, 1 << 63, 1 << 32, 1 << 31, 0xFFFF, fileSize, fileSize - 1,
                fileSize + 1, 0 &- old,
            ]
            for value in values {
                var bytes = Self.small
                for index in 0..<size { bytes[offset + index] = UInt8(truncatingIfNeeded: value >> (8 * index)) }
                exercise(bytes)
            }
        }
    }

    @Test func randomBitFlips() {
        var generator = SplitMix64(seed: 1)
        for _ in 0..<1500 {
            var bytes = Self.small
            for _ in 0..<Int.random(in: 1...8, using: &generator) {
                let index = Int.random(in: 0..<bytes.count, using: &generator)
                bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            }
            exercise(bytes)
        }
    }

    @Test func aHugeNumberOfProgramHeadersThatAreNotThere() throws {
        var bytes = Self.small
        let sections = bytes.count
        bytes.put(0xFFFF as UInt16, at: 56)
        bytes.put(UInt64(sections), at: 40)
        bytes += [UInt8](repeating: 0, count: 64)
        bytes.put(UInt32.max, at: sections + 44)
        let core = try ELFCore(bytes: bytes)
        #expect(
            core.damage.first
                == .programHeadersMissing(stated: .max, present: UInt32((bytes.count - 64) / 56)))
    }

    @Test(.timeLimit(.minutes(10))) func manySegmentsThatAllOverlap() throws {
        // Nested, so that all are open at the same time; quadratic work would take minutes.
        var raw = RawCore()
        let count = 20_000
        for index in 0..<count {
            raw.segments.append(
                .init(
                    offset: 0, physical: UInt64(count - index) * 16, fileSize: 64,
                    memorySize: UInt64(2 * index + 1) * 16))
        }
        let core = try ELFCore(bytes: raw.bytes)
        #expect(core.regions.count == 1)
    }

    @Test(.timeLimit(.minutes(10))) func manyNotesThatAllOverlap() throws {
        let note = RawCore.Segment(type: 4, offset: 64, physical: 0, fileSize: 1 << 22, memorySize: 0)
        let core = try ELFCore(bytes: RawCore(segments: Array(repeating: note, count: 60_000)).bytes)
        #expect(core.regions.isEmpty)
    }
}
