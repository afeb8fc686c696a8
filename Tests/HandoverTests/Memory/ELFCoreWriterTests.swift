import Foundation
import KernelABI
import SystemPackage
import TestSupport
import Testing

@testable import Handover

@Suite struct ELFCoreWriterTests {
    /// Random pages, some written and some only allocated, in runs and alone; with the bytes of each.
    private static func randomMemory(seed: UInt64, pageSize: Int) throws -> (SparseMemory, [UInt64: [UInt8]]) {
        var generator = SplitMix64(seed: seed)
        var memory = SparseMemory(pageSize: pageSize)
        var pages: [UInt64: [UInt8]] = [:]
        for _ in 0..<Int.random(in: 0...40, using: &generator) {
            let first = UInt64.random(in: 0..<200, using: &generator)
            for page in first..<first + UInt64.random(in: 1...5, using: &generator) {
                let address = PhysicalAddress(page * UInt64(pageSize))
                if Bool.random(using: &generator) {
                    var bytes = [UInt8](repeating: UInt8.random(in: 0...255, using: &generator), count: pageSize)
                    for index in [0, 17, pageSize / 2, pageSize - 1] {
                        bytes[index] = UInt8.random(in: 0...255, using: &generator)
                    }
                    try memory.write(bytes, at: address)
                    pages[page] = bytes
                } else {
                    memory.allocate(address..<PhysicalAddress(address.rawValue + UInt64(pageSize)))
                    pages[page, default: [UInt8](repeating: 0, count: pageSize)] += []
                }
            }
        }
        return (memory, pages)
    }

    @Test(arguments: 0..<60) func whatIsWrittenIsReadBack(seed: Int) throws {
        let pageSize = [64, 4096, 16384, 65536][seed % 4]
        let (memory, pages) = try Self.randomMemory(seed: UInt64(seed), pageSize: pageSize)
        let writer = ELFCoreWriter(
            machine: seed % 2 == 0 ? .x86_64 : .aarch64, pageSize: pageSize, osRelease: seed % 3 == 0 ? nil : "7.3.4")
        let bytes = try writer.bytes(of: memory)
        let core = try ELFCore(bytes: bytes)
        #expect(core.regions == memory.regions)
        #expect(core.statedMachine == writer.machine)
        #expect(core.statedPageSize == (pageSize == 64 ? nil : pageSize))
        #expect(core.osRelease == writer.osRelease)
        #expect(mergeAdjacent(core.storedExtents) == mergeAdjacent(memory.storedExtents))
        for (page, contents) in pages {
            #expect(try core.copy(at: page * UInt64(pageSize), count: pageSize) == contents)
        }
        for region in core.regions {
            let count = Int(region.upperBound.rawValue - region.lowerBound.rawValue)
            #expect(
                try core.copy(at: region.lowerBound.rawValue, count: count)
                    == memory.copy(at: region.lowerBound.rawValue, count: count))
        }
        // Reading and writing once more changes nothing.
        #expect(try writer.bytes(of: core) == bytes)
    }

    @Test func segmentsLieAtMultiplesOfThePageSize() throws {
        let (memory, _) = try Self.randomMemory(seed: 7, pageSize: 4096)
        let bytes = try ELFCoreWriter(machine: .x86_64, pageSize: 4096).bytes(of: memory)
        let header = ELFHeader(bytes.span.bytes)
        #expect(header.programHeaderCount > 5)
        for index in 0..<Int(header.programHeaderCount) {
            let segment = ELFProgramHeader(bytes.span.bytes, at: 64 + 56 * index)
            guard segment.type == ELF.segmentLoad else { continue }
            #expect(segment.offset % 4096 == 0)
            #expect(segment.physicalAddress % 4096 == 0)
            #expect(segment.virtualAddress == 0)
            #expect(segment.flags == ELF.readable)
            #expect(segment.alignment == 4096)
            #expect(segment.fileSize <= segment.memorySize)
        }
    }

    @Test func zeroesTakeNoRoom() throws {
        var memory = SparseMemory()
        memory.allocate(range(0x1000, 0x1_0000_0000))
        try memory.write([1, 2, 3], at: PhysicalAddress(0x8000_0000))
        let bytes = try ELFCoreWriter(machine: .x86_64, pageSize: 4096).bytes(of: memory)
        #expect(bytes.count == 2 * 4096)
        let core = try ELFCore(bytes: bytes)
        #expect(core.regions == [range(0x1000, 0x1_0000_0000)])
        #expect(core.storedExtents == [range(0x8000_0000, 0x8000_1000)])
    }

    @Test func aFileHasTheSameBytes() throws {
        let (memory, _) = try Self.randomMemory(seed: 11, pageSize: 4096)
        let writer = ELFCoreWriter(machine: .aarch64, pageSize: 4096, osRelease: "7.3.4")
        try withTemporaryDirectory { directory in
            let path = directory.appending("image.elf")
            let descriptor = try FileDescriptor.open(
                path, .writeOnly, options: [.create, .truncate], permissions: .ownerReadWrite)
            try descriptor.closeAfter { try writer.write(memory, to: descriptor, path: path) }
            let data = try Data(contentsOf: URL(fileURLWithPath: path.string))
            #expect(try Array(data) == writer.bytes(of: memory))
            let core = try ELFCore(file: MappedFile(path: path))
            #expect(core.regions == memory.regions)
        }
    }

    @Test func aFileThatCannotBeWrittenIsNamed() throws {
        var memory = SparseMemory()
        try memory.write([1], at: PhysicalAddress(0))
        let descriptor = try FileDescriptor.open("/dev/full", .writeOnly)
        try descriptor.closeAfter {
            _ = #expect(throws: WriteError.file(.cannotWrite(path: "/dev/full", .noSpace))) {
                try ELFCoreWriter(machine: .x86_64, pageSize: 4096).write(
                    memory, to: descriptor, path: "/dev/full")
            }
        }
    }

    /// With the note, one program header fewer than the number that means PN_XNUM, and just as many.
    @Test(arguments: [65_533, 65_534]) func manySegments(count: Int) throws {
        var memory = SparseMemory(pageSize: 16)
        for index in 0..<count {
            try memory.write(
                [UInt8(truncatingIfNeeded: index), UInt8(truncatingIfNeeded: index >> 8)],
                at: PhysicalAddress(UInt64(index) * 32))
        }
        let bytes = try ELFCoreWriter(machine: .x86_64, pageSize: 16, osRelease: "x").bytes(of: memory)
        let header = ELFHeader(bytes.span.bytes)
        #expect(header.programHeaderCount == (count + 1 >= 65_535 ? 65_535 : UInt16(count + 1)))
        #expect((header.sectionHeaderOffset != 0) == (count + 1 >= 65_535))
        let core = try ELFCore(bytes: bytes)
        #expect(core.damage == [.pageSize("16")])
        #expect(core.osRelease == "x")
        #expect(core.regions.count == count)
        for index in [0, 1, count / 2, count - 1] {
            #expect(
                try core.copy(at: UInt64(index) * 32, count: 2)
                    == [UInt8(truncatingIfNeeded: index), UInt8(truncatingIfNeeded: index >> 8)])
        }
    }
}
