import Foundation
import KernelABI
import SystemPackage
import TestSupport
import Testing

@testable import Handover

/// `small.kdump` is a kdump-compressed dump by QEMU (of a 2 MiB guest that never ran, with four marked pages), reduced
/// to those 2 MiB; the firmware's pages and the marked page at 0x101000 are filtered out, as `makedumpfile` does.
/// `small.kdump.flat` is the same, flattened. The others contain the handover of `examples/readme.json`.
@Suite struct CrashDumpTests {
    private static let small = ["small.kdump", "small.kdump.flat"]
    private static let compressions = ["zlib", "lzo", "snappy", "zstd"].map { "real-\($0).kdump" }

    private static func markedPage(_ address: UInt64) -> [UInt8] {
        (0..<4096).map { UInt8(truncatingIfNeeded: address / 4096 * 7 + $0 * 13) }
    }

    private static func open(_ bytes: [UInt8]) throws(CrashDumpError) -> CrashDump {
        let file = MappedFile(bytes: bytes, name: "dump")
        return try CrashDump(file: FlattenedDump.isOne(file) ? FlattenedDump.rearranged(file) : file)
    }

    private static func bytes(_ name: String) throws -> [UInt8] {
        try Fixture.bytes("memory/\(name)")
    }

    private static func open(_ name: String) throws -> CrashDump { try open(try bytes(name)) }

    @Test(arguments: small) func `pages, and what the dump states`(name: String) throws {
        let dump = try Self.open(name)
        #expect(dump.regions == [range(0, 0xC0000), range(0x10_0000, 0x10_1000), range(0x10_2000, 0x20_0000)])
        #expect(dump.statedPageSize == 4096)
        #expect(dump.statedMachine == .x86_64)
        #expect(dump.osRelease == "7.3.4-test")
        #expect(dump.damage.isEmpty)
        #expect(dump.part == nil)
        // All zero pages share one.
        #expect(dump.storedExtents.count == 3)
        for address in [0x10_0000, 0x11_0000, 0x1F_E000] as [UInt64] {
            // Twice: from the dump, and from the cache.
            for _ in 0..<2 { #expect(try dump.copy(at: address, count: 4096) == Self.markedPage(address)) }
            #expect(try dump.copy(at: address + 100, count: 50) == Array(Self.markedPage(address)[100..<150]))
        }
        #expect(
            try dump.copy(at: 0x10_F000, count: 0x3000)
                == [UInt8](repeating: 0, count: 4096) + Self.markedPage(0x11_0000) + [UInt8](repeating: 0, count: 4096))
    }

    @Test(arguments: small) func `pages that were left out are told from those that do not exist`(name: String) throws {
        let dump = try Self.open(name)
        #expect(dump.pagesLeftOut == 65)
        #expect(dump.dumpLevel == 1)
        for (address, count, missing) in [
            (0x10_1000, 1, 0x10_1000), (0x10_0FFF, 2, 0x10_1000), (0x10_0000, 0x3000, 0x10_1000),
            (0xC_0000, 16, 0xC_0000),
        ] as [(UInt64, Int, UInt64)] {
            #expect(throws: MemoryError.leftOut(address: PhysicalAddress(missing), count: count)) {
                try dump.copy(at: address, count: count)
            }
            #expect(dump.isLeftOut(PhysicalAddress(missing)))
        }
        for (address, count) in [(0x20_0000, 1), (.max, 4), (0, .max)] as [(UInt64, Int)] {
            #expect(throws: MemoryError.self) { try dump.copy(at: address, count: count) }
            #expect(!dump.isLeftOut(PhysicalAddress(0x20_0000)))
        }
        // Another source that has the page makes it available.
        var other = SparseMemory()
        try other.write(Self.markedPage(0x10_1000), at: PhysicalAddress(0x10_1000))
        let both = LayeredMemory([dump, other])
        #expect(try both.copy(at: 0x10_0000, count: 0x2000) == Self.markedPage(0x10_0000) + Self.markedPage(0x10_1000))
        #expect(!both.isLeftOut(PhysicalAddress(0x10_1000)))
        #expect(throws: MemoryError.leftOut(address: PhysicalAddress(0xC_0000), count: 16)) {
            try both.copy(at: 0xC_0000, count: 16)
        }
        let scan = RootScan(of: dump)
        #expect(scan.candidates.isEmpty)
        #expect(scan.unreadableBytes == 0)
    }

    @Test func `reads while it reads, and from many tasks`() async throws {
        let dump = try Self.open("small.kdump")
        let inner = try dump.withBytes(at: PhysicalAddress(0x10_0000), count: 1) { _ in
            try? dump.copy(at: 0x11_0000, count: 8)
        }
        #expect(inner == Array(Self.markedPage(0x11_0000)[..<8]))
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<8 as Range<UInt64> {
                group.addTask {
                    for turn in 0..<100 as Range<UInt64> {
                        let address: UInt64 = [0x10_0000, 0x11_0000, 0x1F_E000][Int((task + turn) % 3)]
                        #expect((try? dump.copy(at: address, count: 4096)) == Self.markedPage(address))
                    }
                }
            }
        }
    }

    @Test(arguments: compressions) func `every compression gives the same handover`(name: String) throws {
        let document = try #require(try HandoverInput(Fixture.file("memory/\(name)")).documents.first)
        #expect(document.reading.findings.isEmpty)
        let expected = try #require(try HandoverInput(Fixture.file("memory/real-zlib.kdump")).documents.first)
        #expect(document.reading.state == expected.reading.state)
        #expect(document.reading.state.luo?.sessions?.map(\.name) == ["vm-alpha", "idle"])
        for region in document.memory.regions {
            let count = Int(region.upperBound.rawValue - region.lowerBound.rawValue)
            let bytes = try document.memory.copy(at: region.lowerBound.rawValue, count: count)
            #expect(try expected.memory.copy(at: region.lowerBound.rawValue, count: count) == bytes)
        }
    }

    @Test func `what is no dump is refused`() throws {
        #expect(throws: CrashDumpError.cutShort(count: 11, stated: 464)) { try Self.open(Array("not a dump\n".utf8)) }
        #expect(throws: CrashDumpError.notADump) { try Self.open([UInt8](repeating: 0, count: 4096)) }
        var bytes = try Self.bytes("small.kdump")
        bytes.put(8192 as UInt32, at: 428)
        #expect(throws: CrashDumpError.header(field: "block_size", found: 8192, expected: "4096, 16384 or 65536")) {
            try Self.open(bytes)
        }
    }

    // MARK: Damage

    @Test(arguments: compressions + small)
    func `a dump cut short gives what it has and names the loss`(name: String) throws {
        let whole = try Self.bytes(name)
        let wanted = try Self.open(whole)
        let isFlat = name.hasSuffix("flat")
        for length in Sample.numbers(below: whole.count, seed: 1) {
            guard let dump = try? Self.open(Array(whole.prefix(length))) else { continue }
            let isNamed = dump.damage.contains { damage in
                guard case .cutShort(let count, let stated, let pages) = damage else { return false }
                return count < stated && pages > 0 && (isFlat || count == length && stated <= whole.count)
            }
            // A flattened dump may end with bytes that no page needs, but must have the mark of its end.
            #expect(isNamed || isFlat && dump.damage.contains(.endMissing), "\(length) bytes: \(dump.damage)")
            expectSound(dump, as: wanted, "\(length) bytes")
        }
    }

    @Test(arguments: compressions) func `a bit that is wrong in a header or descriptor`(name: String) throws {
        let whole = try Self.bytes(name)
        let wanted = try Self.open(whole)
        // Headers, bitmaps, descriptors, and the beginning of the pages.
        for bit in Sample.numbers(below: 45_000 * 8, seed: 2) {
            var bytes = whole
            bytes[bit / 8] ^= 1 << (bit % 8)
            guard let dump = try? Self.open(bytes) else { continue }
            for region in dump.regions.prefix(400) {
                _ = try? dump.copy(at: region.lowerBound.rawValue, count: 4096)
            }
            _ = RootScan(of: dump)
            if bit / 8 >= 32768, bit / 8 < 32768 + 299 * 24, (bit / 8 - 32768) % 24 >= 8, (bit / 8 - 32768) % 24 < 16 {
                // Size and flags: faults that the size alone shows are reported, others when the page is read.
                expectSound(dump, as: wanted, "bit \(bit)")
            }
        }
    }

    /// Checks that every page that can be read is correct.
    private func expectSound(_ dump: CrashDump, as wanted: CrashDump, _ comment: Comment) {
        for region in dump.regions {
            for address in stride(from: region.lowerBound.rawValue, to: region.upperBound.rawValue, by: 4096) {
                guard let page = try? dump.copy(at: address, count: 4096) else { continue }
                if page != (try? wanted.copy(at: address, count: 4096)) { Issue.record(comment) }
            }
        }
    }

    /// The page of `session "vm-alpha", token 0x42` at 0x10009000, with a descriptor that states 5,000 bytes.
    private static func withDamagedContents() throws -> [UInt8] {
        var bytes = try Self.bytes("real-zlib.kdump")
        let first = try Self.open(bytes).regions[0].lowerBound.rawValue
        bytes.put(5000 as UInt32, at: 32768 + Int((0x1000_9000 - first) / 4096) * 24 + 8)
        return bytes
    }

    @Test func `a page that cannot be read costs no other page of its file`() throws {
        let whole = try HandoverInput(Fixture.file("memory/real-zlib.kdump")).documents[0]
        let source = InputSource(file: MappedFile(bytes: try Self.withDamagedContents(), name: "dump"))
        let document = try HandoverInput(source, options: InputOptions()).documents[0]
        let files = try [whole, document].map { document in
            let file = try #require(document.reading.state.luo?.sessions?.first?.files?.first?.fileContents)
            return FilePages(of: file, on: HandoverDiff.Side(document), document.memory.regions, .kib4)
        }
        #expect(files[0]?.bytes(of: 1, count: 4096) != nil)
        #expect(files[1]?.bytes(of: 1, count: 4096) == nil)
        for page in [0, 2] as [UInt64] {
            let expected = try #require(files[0]?.bytes(of: page, count: 1808))
            #expect(files[1]?.bytes(of: page, count: 1808) == expected)
        }
        #expect(document.memory.unreadable(in: range(0x1000_8000, 0x1000_b000)) == [range(0x1000_9000, 0x1000_a000)])

        // The collected file lacks the page, and states so.
        let capture = Capture(of: document.reading, in: document.memory, contents: true)
        #expect(capture.unreadable.map(\.owner) == [.file(session: "vm-alpha", token: 0x42)])
        #expect(!capture.memory.regions.contains { $0.contains(PhysicalAddress(0x1000_9000)) })
        var writer = ELFCoreWriter(machine: .x86_64, pageSize: 4096)
        writer.leftOut = capture.memory.leftOut
        let part = try #require(capture.memory as? MemoryPart)
        let core = try ELFCore(file: MappedFile(bytes: try writer.bytes(of: part), name: "core"))
        #expect(core.leftOut == [range(0x1000_9000, 0x1000_a000)])
        #expect(throws: MemoryError.leftOut(address: PhysicalAddress(0x1000_9000), count: 4096)) {
            try core.copy(at: 0x1000_9000, count: 4096)
        }
    }

    /// What a truncated file lacks is unknown, not something that a kernel would fail on.
    @Test(arguments: ["real-zlib.kdump", "split-1.kdump", "7.3/basic.elf", "7.3-arm64-16k/basic.elf"])
    func `a cut file is no damaged handover`(name: String) throws {
        let path = name.hasSuffix("elf") ? URL(filePath: Fixture.path("captures/" + name)) : nil
        let bytes = try path.map { [UInt8](try Data(contentsOf: $0)) } ?? Self.bytes(name)
        let whole = try CheckSubject.subjects(
            in: InputSource(file: MappedFile(bytes: bytes, name: "whole")), options: InputOptions())[0]
        for length in Sample.numbers(below: bytes.count, seed: 3) {
            let source = InputSource(file: MappedFile(bytes: Array(bytes.prefix(length)), name: "dump"))
            guard let subject = try? CheckSubject.subjects(in: source, options: InputOptions()).first,
                subject.rootAddress == whole.rootAddress
            else { continue }
            let verdict = HandoverCheck(subject).verdict
            #expect(verdict == .unknown || verdict == .accepted, "\(length) bytes: \(verdict)")
            #expect(subject.pageSize == whole.pageSize, "\(length) bytes")
        }
    }

    @Test func `bitmaps without a page are named`() throws {
        var bytes = try Self.bytes("real-zlib.kdump")
        bytes.replaceSubrange(8192..<32768, with: [UInt8](repeating: 0, count: 32768 - 8192))
        let source = InputSource(file: MappedFile(bytes: bytes, name: "dump"))
        let error = #expect(throws: InputError.self) { try HandoverInput(source, options: InputOptions()) }
        #expect("\(error as Any)".contains("a dump of no page at all"))
    }

    @Test(arguments: ["real-zlib.kdump", "real-snappy.kdump"])
    func `a descriptor with the size of more than a page is named, and the rest is read`(name: String) throws {
        var bytes = try Self.bytes(name)
        let address = try Self.open(bytes).regions[0].lowerBound
        bytes.put(5000 as UInt32, at: 32768 + 20 * 24 + 8)
        let dump = try Self.open(bytes)
        let damaged = PhysicalAddress(address.rawValue + 20 * 4096)
        #expect(dump.damage == [.descriptor(address: damaged, .field("size", found: 5000, expected: "1 to 4096"))])
        #expect(
            throws: MemoryError.unreadable(
                address: damaged, count: 4096, reason: "page_desc.size is 5000, not 1 to 4096")
        ) { try dump.copy(at: damaged.rawValue, count: 4096) }
        #expect(try dump.copy(at: damaged.rawValue + 4096, count: 4096).count == 4096)
        #expect(!dump.storedExtents.contains { $0.contains(damaged) })
    }

    @Test func `makedumpfile's mark is said`() throws {
        var bytes = try Self.bytes("real-zlib.kdump")
        bytes.put(9 as UInt32, at: 424)
        #expect(try Self.open(bytes).damage == [.incomplete])
    }

    @Test func `a machine's name that is damaged is said to be so`() throws {
        var bytes = try Self.bytes("real-zlib.kdump")
        let start = DumpHeaderLayout.layout.machine.offset
        for bit in 0..<7 * 8 {
            bytes[start + bit / 8] ^= 1 << (bit % 8)
            defer { bytes[start + bit / 8] ^= 1 << (bit % 8) }
            let dump = try Self.open(bytes)
            #expect(dump.statedMachine == nil)
            #expect(dump.damage.count == 1)
        }
        #expect(try HandoverInput(Fixture.file("memory/real-zlib.kdump")).documents[0].reading.findings.isEmpty)
    }

    // MARK: Split dumps

    @Test func `the parts of a split dump are one memory`() throws {
        let parts = ["split-1.kdump", "split-2.kdump"].map { Fixture.file("memory/\($0)") }
        #expect(
            HandoverInput.groups(of: [parts[0], Fixture.file("memory/real-zlib.kdump"), parts[1]])
                == [parts, [Fixture.file("memory/real-zlib.kdump")]])
        let whole = try HandoverInput(Fixture.file("memory/real-zlib.kdump")).documents[0].reading.state
        for parts in [parts, parts.reversed()] {
            var options = InputOptions()
            options.memory = [parts[1]]
            let reading = try HandoverInput(parts[0], options: options).documents[0].reading
            #expect(reading.findings.isEmpty)
            #expect(reading.state == whole)
        }
        let alone = try HandoverInput(parts[0]).documents[0].reading
        #expect(alone.findings[0].found == "part 1 of a split dump: none with the memory at 0x10095000")
        #expect(alone.isDamaged)
        #expect(throws: InputError.self) { try HandoverInput(parts[1]) }
    }

    @Test func `contents that were left out are said to be so`() throws {
        let document = try HandoverInput(Fixture.file("memory/erased-content.kdump")).documents[0]
        #expect(document.reading.findings.map(\.cause) == [.leftOut])
        #expect(document.reading.findings.first?.found == "3 pages omitted from this dump (dump level 31)")
        #expect(!document.reading.isDamaged)
    }
}

@Suite struct FlattenedDumpTests {
    private static func word(_ value: Int64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: value >> (56 - 8 * $0)) }
    }

    private static let header = Array("makedumpfile\0\0\0\0".utf8) + [UInt8](repeating: 0, count: 4080)

    @Test func `pieces are put where they belong, the last of them on top`() throws {
        var bytes = Self.header
        bytes += Self.word(6) + Self.word(3) + [7, 8, 9]
        bytes += Self.word(0) + Self.word(4) + [1, 2, 3, 4]
        bytes += Self.word(1) + Self.word(1) + [5]
        bytes += Self.word(-1) + Self.word(-1) + Self.word(0) + Self.word(1) + [99]
        let file = MappedFile(bytes: bytes, name: "flat")
        #expect(FlattenedDump.isOne(file))
        let result = FlattenedDump.rearranged(file)
        #expect(!result.isCutShort)
        #expect(try result.copy(at: 0, count: Int(result.count)) == [1, 5, 3, 4, 0, 0, 7, 8, 9])
        #expect(throws: FileError.self) { try result.copy(at: 8, count: 2) }
        let cut = FlattenedDump.rearranged(MappedFile(bytes: Array(bytes[..<4114]), name: "cut"))
        #expect(cut.isCutShort)
        #expect(try cut.copy(at: 0, count: Int(cut.count)) == [0, 0, 0, 0, 0, 0, 7, 8])
        #expect(!FlattenedDump.isOne(MappedFile(bytes: Array(bytes[1...]), name: "other")))
        #expect(!FlattenedDump.isOne(MappedFile(bytes: [], name: "empty")))
    }

    @Test func `an offset that no file can have`() throws {
        let piece: [UInt8] = [0x7F] + [UInt8](repeating: 0xFF, count: 7) + Self.word(1) + [1]
        let file = FlattenedDump.rearranged(MappedFile(bytes: Self.header + piece, name: "flat"))
        #expect(file.count == 1 << 63)
        #expect(try file.copy(at: 0, count: 2) == [0, 0])
        #expect(try file.copy(at: 1 << 63 - 1, count: 1) == [1])
    }
}

/// Numbers to try: all of them, or as many as `LUO_FDT_MUTATIONS` allows.
enum Sample {
    private static let size: Int = {
        guard let text = ProcessInfo.processInfo.environment["LUO_FDT_MUTATIONS"] else { return 40 }
        return text == "all" ? .max : Int(text) ?? 40
    }()

    static func numbers(below count: Int, seed: UInt64) -> [Int] {
        if count <= size { return Array(0..<count) }
        var random = SplitMix64(seed: seed)
        return (0..<size).map { _ in Int.random(in: 0..<count, using: &random) }
    }
}
