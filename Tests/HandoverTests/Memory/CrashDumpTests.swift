import Foundation
import KernelABI
import SystemPackage
import Testing

@testable import Handover

/// `small.kdump` is a kdump-compressed dump by QEMU (a guest of 2 MiB that never ran, with four marked pages), cut down
/// to those 2 MiB; the firmware's pages and the marked page at 0x101000 are filtered out of it, as `makedumpfile`
/// filters. `small.kdump.flat` is the same, flattened.
@Suite(.enabled(if: CrashDump.isSupported, "libkdumpfile.so.10 (Debian package libkdumpfile10) is not installed"))
struct CrashDumpTests {
    private static let dumps = ["small.kdump", "small.kdump.flat"]

    private static func markedPage(_ address: UInt64) -> [UInt8] {
        (0..<4096).map { UInt8(truncatingIfNeeded: address / 4096 * 7 + $0 * 13) }
    }

    @Test(arguments: dumps) func readsPagesAndWhatTheDumpStates(name: String) throws {
        let dump = try CrashDump(path: memoryFixture(name))
        #expect(dump.hasPageMap)
        #expect(dump.regions == [range(0, 0xC0000), range(0x10_0000, 0x10_1000), range(0x10_2000, 0x20_0000)])
        #expect(dump.statedPageSize == 4096)
        #expect(dump.statedMachine == .x86_64)
        #expect(dump.format == "diskdump")
        #expect(dump.osRelease == "7.3.4-test")
        for address in [0x10_0000, 0x11_0000, 0x1F_E000] as [UInt64] {
            // Twice: from the dump, and from the cache.
            for _ in 0..<2 { #expect(try dump.copy(at: address, count: 4096) == Self.markedPage(address)) }
            #expect(try dump.copy(at: address + 100, count: 50) == Array(Self.markedPage(address)[100..<150]))
        }
        #expect(
            try dump.copy(at: 0x10_F000, count: 0x3000)
                == [UInt8](repeating: 0, count: 4096) + Self.markedPage(0x11_0000) + [UInt8](repeating: 0, count: 4096))
    }

    @Test(arguments: dumps) func filteredPagesAreNotAvailable(name: String) throws {
        let dump = try CrashDump(path: memoryFixture(name))
        for (address, count) in [
            (0x10_1000, 1), (0x10_0FFF, 2), (0x10_0000, 0x3000), (0xC_0000, 16), (0x20_0000, 1), (.max, 4), (0, .max),
        ] as [(UInt64, Int)] {
            #expect(throws: MemoryError.notAvailable(address: PhysicalAddress(address), count: count)) {
                try dump.copy(at: address, count: count)
            }
        }
        let scan = RootScan(of: dump)
        #expect(scan.candidates.isEmpty)
        #expect(scan.unreadableBytes == 0)
    }

    @Test func readsWhileReading() throws {
        let dump = try CrashDump(path: memoryFixture("small.kdump"))
        let inner = try dump.withBytes(at: PhysicalAddress(0x10_0000), count: 1) { _ in
            try? dump.copy(at: 0x11_0000, count: 8)
        }
        #expect(inner == Array(Self.markedPage(0x11_0000)[..<8]))
    }

    @Test func readsFromManyTasks() async throws {
        let dump = try CrashDump(path: memoryFixture("small.kdump"))
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<8 as Range<UInt64> {
                group.addTask {
                    for turn in 0..<500 as Range<UInt64> {
                        let address: UInt64 = [0x10_0000, 0x11_0000, 0x1F_E000][Int((task + turn) % 3)]
                        #expect((try? dump.copy(at: address, count: 4096)) == Self.markedPage(address))
                    }
                }
            }
        }
    }

    @Test func readsCoresThatWeWrite() throws {
        var memory = SparseMemory()
        try memory.write(Self.markedPage(0x5000), at: PhysicalAddress(0x5000))
        try memory.write(Self.markedPage(0x9000), at: PhysicalAddress(0x9000))
        memory.allocate(range(0xA000, 0xB000))
        try withTemporaryDirectory { directory in
            let path = directory.appending("image.elf")
            let bytes = try ELFCoreWriter(machine: .x86_64, pageSize: 4096, osRelease: "7.3.4").bytes(of: memory)
            try Data(bytes).write(to: URL(fileURLWithPath: path.string))
            let dump = try CrashDump(path: path)
            #expect(dump.statedMachine == .x86_64)
            #expect(dump.osRelease == "7.3.4")
            for address in [0x5000, 0x9000] as [UInt64] {
                #expect(try dump.copy(at: address, count: 4096) == Self.markedPage(address))
            }
        }
    }

    @Test func refusesWhatIsNoDump() throws {
        try withTemporaryDirectory { directory in
            let path = directory.appending("text")
            try Data("not a dump\n".utf8).write(to: URL(fileURLWithPath: path.string))
            do throws(CrashDumpError) {
                _ = try CrashDump(path: path)
                Issue.record("a text was taken for a dump")
            } catch {
                guard case .refused(path: path, _) = error else {
                    Issue.record("\(error)")
                    return
                }
            }
            let missing = directory.appending("missing")
            #expect(throws: CrashDumpError.file(.cannotOpen(path: missing, .noSuchFileOrDirectory))) {
                try CrashDump(path: missing)
            }
        }
    }

    @Test func aFlattenedDumpCutShortGivesWhatItHas() throws {
        let whole = try Data(contentsOf: URL(fileURLWithPath: memoryFixture("small.kdump.flat").string))
        try withTemporaryDirectory { directory in
            for length in [12, 16, 4095, 4096, 4100, 4112, 5000, 20_000, whole.count - 2000, whole.count - 16] {
                let path = directory.appending("cut\(length)")
                try whole.prefix(length).write(to: URL(fileURLWithPath: path.string))
                let dump = try? CrashDump(path: path)
                #expect(dump != nil || length < 20_000, "\(length) bytes")
                #expect(dump == nil || length > 4112, "\(length) bytes")
                guard let dump else { continue }
                let page = try? dump.copy(at: 0x1F_E000, count: 4096)
                #expect(page == nil || page == Self.markedPage(0x1F_E000), "\(length) bytes")
                #expect(page != nil || length < whole.count - 16, "\(length) bytes")
            }
        }
    }
}

@Suite struct FlattenedDumpTests {
    @Test func putsRecordsWhereTheyBelong() throws {
        func word(_ value: Int64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: value >> (56 - 8 * $0)) } }
        var bytes = Array("makedumpfile\0\0\0\0".utf8) + word(1) + word(1)
        bytes += [UInt8](repeating: 0, count: 4096 - bytes.count)
        bytes += word(6) + word(3) + [7, 8, 9]
        bytes += word(0) + word(4) + [1, 2, 3, 4]
        bytes += word(1) + word(1) + [5]
        bytes += word(-1) + word(-1) + word(0) + word(1) + [99]
        let file = MappedFile(bytes: bytes, name: "flat")
        #expect(FlattenedDump.isOne(file))
        let descriptor = try FlattenedDump.rearrange(file)
        try descriptor.closeAfter {
            let result = try MappedFile(descriptor: descriptor, path: "result")
            #expect(try result.copy(at: 0, count: Int(result.count)) == [1, 5, 3, 4, 0, 0, 7, 8, 9])
        }
        #expect(!FlattenedDump.isOne(MappedFile(bytes: Array(bytes[1...]), name: "other")))
        #expect(!FlattenedDump.isOne(MappedFile(bytes: [], name: "empty")))
    }

    @Test func offsetsThatNoFileCanHaveAreErrors() throws {
        let header = Array("makedumpfile\0\0\0\0".utf8) + [UInt8](repeating: 0, count: 4080)
        let record: [UInt8] = [0x7F] + [UInt8](repeating: 0xFF, count: 7) + [0, 0, 0, 0, 0, 0, 0, 1] + [1]
        #expect(throws: FileError.self) {
            try FlattenedDump.rearrange(MappedFile(bytes: header + record, name: "flat"))
        }
    }
}
