import FDT
import Foundation
import Handover
import KernelABI
import SystemPackage
import TestSupport
import Testing

/// Checks that inputs are recognised, and that anything else is rejected.
@Suite struct InputTests {
    static let receiver = "captures/7.3/debugfs/receiver"

    private func input(_ name: String, _ options: InputOptions = InputOptions()) throws -> HandoverInput {
        try HandoverInput(Fixture.file(name), options: options)
    }

    @Test(arguments: [
        ("captures/7.3/basic.elf", "elf"),
        ("captures/7.3/debugfs/receiver", "debugfs"),
        ("captures/7.3/debugfs/receiver/in", "debugfs"),
        ("captures/7.3/debugfs/receiver/out", "debugfs"),
        ("captures/7.3/debugfs/receiver/in/fdt", "root"),
        ("captures/7.3/debugfs/sender/out/fdt", "root"),
        ("captures/6.18/debugfs/receiver/in/fdt", "root"),
        ("captures/7.1/debugfs/receiver/in/sub_fdts/LUO", "luo-fdt"),
        ("captures/7.3/debugfs/receiver/in/sub_fdts/memblock", "memblock"),
        ("captures/7.3/debugfs/receiver/in/sub_fdts/kho_test", "fdt"),
        ("captures/7.3/debugfs/receiver/out/sub_fdts/LUO", "luo"),
        ("captures/7.3/debugfs/receiver/in/sub_fdts/kexec-metadata", "kexec-metadata"),
    ])
    func kindIsFoundOut(_ name: String, _ kind: String) throws {
        #expect(try input(name).kind == kind)
        var options = InputOptions()
        options.kind = kind
        #expect(try input(name, options).kind == kind)
    }

    @Test func flbPageIsFoundOut() throws {
        let document = try input("captures/7.3/basic.elf").documents[0]
        let address = try #require(document.reading.state.luo?.flbAddress)
        let page = try document.memory.withBytes(at: address, count: 4096) { $0.withUnsafeBytes { Array($0) } }
        try withTemporaryFile(page) { path in
            let input = try HandoverInput(path)
            #expect(input.kind == "flb")
            #expect(input.documents[0].reading.state.luo?.flbs == document.reading.state.luo?.flbs)
        }
    }

    @Test func wrongGuessSaysWhatFits() throws {
        for kind in InputKind.all where !["elf", "raw", "machine"].contains(kind.name) {
            var options = InputOptions()
            options.kind = kind.name
            #expect {
                try input("captures/7.3/basic.elf", options)
            } throws: { error in
                guard case .notRecognised(_, let attempts) = error as? InputError else { return false }
                return attempts.map(\.kind) == [kind.name, "elf"]
            }
        }
    }

    @Test func unknownKindListsThoseThereAre() {
        var options = InputOptions()
        options.kind = "floppy"
        #expect {
            try input("captures/7.3/basic.elf", options)
        } throws: { error in
            guard case .noSuchKind("floppy", let known) = error as? InputError else { return false }
            return known == InputKind.all.map(\.name)
        }
    }

    @Test func whatIsNothingKnownListsAllThatWasTried() throws {
        // Enough for any of the structures without a magic number, but not text.
        try withTemporaryFile((0..<80).map { $0 ^ 0xa5 }) {
            path in
            #expect {
                try HandoverInput(path)
            } throws: { error in
                guard case .notRecognised(_, let attempts) = error as? InputError else { return false }
                return attempts.map(\.kind) == InputKind.all.map(\.name).filter { $0 != "debugfs" }
            }
        }
    }

    @Test func garbageIsRefused() throws {
        var generator = SystemRandomNumberGenerator()
        for size in [1, 4, 16, 32, 40, 73, 100, 4096, 70000] {
            let bytes = (0..<size).map { _ in UInt8.random(in: 0...255, using: &generator) }
            try withTemporaryFile(bytes) { path in
                #expect(throws: InputError.self, "\(size) random bytes") { try HandoverInput(path) }
            }
        }
    }

    @Test func noFileNoDirectoryNothingInIt() throws {
        #expect(throws: InputError.self) { try HandoverInput("/nonexistent/luo-fdt") }
        #expect(throws: InputError.self) { try input("fdt/no-such-file") }
        // A directory that lacks the files.
        #expect(throws: InputError.self) { try input("captures/6.18/debugfs/receiver/out") }
        try withTemporaryFile([]) { path in
            #expect(throws: InputError.self) { try HandoverInput(path) }
        }
    }

    private func copy(_ fixture: String, to place: FilePath) throws {
        try FileManager.default.createDirectory(
            atPath: place.removingLastComponent().string, withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: Fixture.path(fixture), toPath: place.string)
    }

    // MARK: Memory in other forms

    @Test func limeAndRawMemoryAreRead() throws {
        let image = try CapturedHandover(name: "7.3/basic").read()
        let state = image.reading.state
        var lime: [UInt8] = []
        for region in image.memory.regions {
            for word in [0x0000_0001_4C69_4D45, region.lowerBound.rawValue, region.upperBound.rawValue - 1, 0] {
                lime.put(word, at: lime.count)
            }
            let count = Int(region.upperBound.rawValue - region.lowerBound.rawValue)
            lime += try image.memory.copy(at: region.lowerBound.rawValue, count: count)
        }
        try withTemporaryFile(lime) { path in
            let input = try HandoverInput(path)
            #expect(input.kind == "lime")
            #expect(input.documents[0].reading.state.luo == state.luo)
        }
        try withTemporaryFile(lime.dropLast(3)) { path in
            let findings = try HandoverInput(path).documents[0].reading.findings
            #expect(findings.contains { $0.found == "truncated: \(lime.count - 3) of \(lime.count) bytes" })
        }
        let start = try #require(image.memory.regions.first?.lowerBound.rawValue)
        let end = try #require(image.memory.regions.last?.upperBound.rawValue)
        var raw = [UInt8](repeating: 0, count: Int(end - start))
        for region in image.memory.regions {
            let count = Int(region.upperBound.rawValue - region.lowerBound.rawValue)
            let place = Int(region.lowerBound.rawValue - start)
            raw.replaceSubrange(
                place..<place + count, with: try image.memory.copy(at: region.lowerBound.rawValue, count: count))
        }
        try withTemporaryFile(raw) { path in
            var options = InputOptions()
            options.rawAddress = PhysicalAddress(start)
            let input = try HandoverInput(path, options: options)
            #expect(input.kind == "raw")
            #expect(input.documents[0].reading.state.luo == state.luo)
        }
    }

    @Test(
        arguments: [
            ([0x1F, 0x8B, 8, 0], "gzip; decompress it first: gunzip -k "),
            ([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0], "xz; decompress it first: unxz -k "),
            ([0x28, 0xB5, 0x2F, 0xFD], "zstd; decompress it first: unzstd "),
            ([0x42, 0x5A, 0x68, 0x39], "bzip2; decompress it first: bunzip2 -k "),
            ([0x04, 0x22, 0x4D, 0x18], "lz4; decompress it first: unlz4 -k "),
        ] as [([UInt8], String)]) func aCompressedFileIsSaidToBeOne(_ magic: [UInt8], _ words: String) throws
    {
        try withTemporaryFile(magic + [UInt8](repeating: 7, count: 100)) { path in
            #expect { try HandoverInput(path) } throws: { "\($0)" == "\(path): compressed with \(words)\(path)" }
        }
    }

    // MARK: Directories of debugfs

    @Test(arguments: ["6.18", "6.19", "7.1", "7.3"]) func incomingDirectoryIsRead(_ version: String) throws {
        let input = try input("captures/\(version)/debugfs/receiver/in")
        let state = input.documents[0].reading.state
        let image = try CapturedHandover(name: "\(version)/basic").read().reading.state
        #expect(state.kernel == image.kernel)
        #expect(state.kho?.compatible == image.kho?.compatible)
        #expect(state.kho?.preservedMemoryMap != nil)
        #expect(state.memblock?.regions?.map(\.name) == ["testblk"])
        // The addresses refer to memory that is missing, which is not a fault of the handover.
        #expect(state.preserved == nil)
        #expect(input.documents[0].reading.findings.contains { $0.severity == .unknown })
        #expect(!input.isDamaged)
        if version != "6.18", version != "7.3" { #expect(state.luo?.liveUpdateNumber == 1) }
    }

    @Test func garbageInPlaceOfLUOIsSaidToBeNone() throws {
        let reading = try input("captures/7.3/debugfs/receiver/in").documents[0].reading
        #expect(!reading.isDamaged)
        let freed = reading.findings.filter { $0.cause == .freed }
        #expect(freed.map(\.place.structure) == ["luo_ser"])
        #expect(freed.first?.expected.contains("this is not a luo_ser") ?? false)
        #expect(reading.state.luo == nil)
        let luo = reading.state.kho?.subtrees?.first { $0.name == "LUO" }
        #expect(luo?.data?.count == 32)
        #expect(reading.state.kexecMetadata?.kexecCount == 1)
    }

    @Test(arguments: [("6.19", 152, 260), ("7.1", 233, 405), ("7.3", 233, 405)])
    func rootThatIsCutShortIsReadAsFarAsItGoes(_ version: String, _ size: Int, _ stated: Int) throws {
        let document = try input("captures/\(version)/debugfs/sender/out").documents[0]
        let reading = document.reading
        let kho = try #require(reading.state.kho)
        let image = try CapturedHandover(name: "\(version)/basic").read().reading.state
        #expect(document.blob(named: "kho")?.bytes.count == size)
        #expect(kho.fdtSize == UInt64(stated))
        #expect(kho.compatible == image.kho?.compatible)
        #expect(reading.state.kernel == image.kernel)
        #expect(kho.preservedMemoryMap != nil)
        // The last nodes are cut off, and known only from their blobs.
        let names = Set((kho.subtrees ?? []).map(\.name.repaired))
        #expect(names.isSuperset(of: ["LUO", "memblock", "kho_test"]))
        // The kernel itself truncates it.
        #expect(!reading.isDamaged)
        #expect(reading.findings.first?.cause == .leftOut)
        #expect(reading.findings.first?.found == "\(size) bytes")
        #expect(document.notes.map(\.name).contains("scratch_phys"))
    }

    @Test func directoryAboveShowsWhatCameInAndWhatGoesOut() throws {
        let input = try input(Self.receiver)
        #expect(input.documents.map(\.part) == ["in", "out"])
        #expect(input.documents[1].reading.state.kernel == "7.2")
        #expect(input.documents[1].reading.state.luo?.compatible == "luo-v5")
        // Nothing was handed over from this machine on 6.18.
        #expect(try self.input("captures/6.18/debugfs/receiver").documents.map(\.part) == ["in"])
    }

    @Test func memoryBesideBlobsIsFollowed() throws {
        var options = InputOptions()
        options.memory = [Fixture.file("captures/7.1/basic.elf")]
        let state = try input("captures/7.1/debugfs/receiver/in", options).documents[0].reading.state
        let image = try CapturedHandover(name: "7.1/basic").read().reading.state
        #expect(state.luo?.sessions?.count == 3)
        #expect(state.luo == image.luo)
        #expect(state.preserved == image.preserved)
        let luo = try input("captures/7.1/debugfs/receiver/in/sub_fdts/LUO", options).documents[0].reading.state.luo
        #expect(luo == image.luo)
    }

    @Test(arguments: [("kho-in", "kho-out"), ("a/kho_in", "a/kho_out"), ("debug/kho/in", "debug/kho/out")])
    func copiesOfDebugFSAreRecognised(_ incoming: String, _ outgoing: String) throws {
        try withTemporaryDirectory { directory in
            try copy("captures/7.3/debugfs/receiver/in", to: directory.appending(incoming))
            try copy("captures/7.3/debugfs/receiver/out", to: directory.appending(outgoing))
            let input = try HandoverInput(directory)
            #expect(input.kind == "debugfs")
            #expect(input.documents.map(\.part) == [incoming, outgoing])
            #expect(input.documents[1].scratch.first == PhysicalAddress(0x1e00_0000)..<PhysicalAddress(0x1f00_0000))
        }
    }

    // MARK: This machine

    /// A directory with contents of a machine's `/sys` and `/proc`.
    private func inMachine(_ parts: [(fixture: String, place: String)], _ body: (FilePath) throws -> Void) throws {
        _ = try withTemporaryDirectory { directory in
            for part in parts { try copy(part.fixture, to: directory.appending(part.place)) }
            try body(directory)
        }
    }

    private static let machine: [(fixture: String, place: String)] = [
        ("captures/7.1/debugfs/receiver", "sys/kernel/debug/kho"),
        ("captures/7.1/debugfs/receiver-setup_data", "sys/kernel/boot_params/setup_data"),
        ("captures/7.1/basic.elf", "proc/kcore"),
    ]

    private static let asMachine = {
        var options = InputOptions()
        options.kind = InputKind.machineName
        return options
    }()

    @Test func machineShowsBothSidesWithItsMemory() throws {
        try inMachine(Self.machine) { root in
            let input = try HandoverInput(root, options: Self.asMachine)
            #expect(input.documents.map(\.part) == ["in", "out"])
            let image = try CapturedHandover(name: "7.1/basic").read().reading.state
            #expect(input.documents[0].reading.state.luo == image.luo)
            #expect(input.documents[0].reading.state.kho?.fdtAddress == image.kho?.fdtAddress)
            #expect(input.documents[1].scratch.count == 3)
        }
    }

    @Test func whatTheKernelHasFreedIsLeftOut() throws {
        let image = try CapturedHandover(name: "7.1/basic").read()
        let map = try #require(image.reading.state.kho?.preservedMemoryMap)
        var reused = SparseMemory(pageSize: 4096)
        try reused.write([UInt8](repeating: 0xa5, count: 4096), at: map)
        let core = try ELFCoreWriter(machine: .x86_64, pageSize: 4096).bytes(of: LayeredMemory([reused, image.memory]))
        try inMachine(Self.machine) { root in
            try Data(core).write(to: URL(filePath: root.appending("proc/kcore").string))
            let document = try HandoverInput(root, options: Self.asMachine).documents[0]
            #expect(document.reading.state.preserved == nil)
            #expect(document.reading.state.luo == image.reading.state.luo)
            #expect(document.reading.findings.contains { $0.cause == .freed && $0.owner == .map })
            #expect(!document.reading.isDamaged)
            #expect(HandoverCheck(CheckSubject(document)).verdict <= .unknown)
        }
    }

    @Test func machineWithoutDebugFSShowsWhatTheBootDataLeadsTo() throws {
        try inMachine(Array(Self.machine[1...])) { root in
            let input = try HandoverInput(root, options: Self.asMachine)
            #expect(input.documents.map(\.part) == ["in"])
            #expect(input.documents[0].reading.state.luo?.sessions?.count == 3)
            let lacks = input.documents[0].reading.findings.filter { $0.owner == .input }
            #expect(lacks.contains { $0.found.contains("/sys/kernel/debug/kho") && $0.expected.contains("kho=on") })
        }
    }

    @Test func machineWithoutMemoryShowsBlobs() throws {
        try inMachine(Array(Self.machine[..<2])) { root in
            let input = try HandoverInput(root, options: Self.asMachine)
            #expect(input.documents.map(\.part) == ["in", "out"])
            #expect(input.documents[0].reading.findings.contains { $0.found.contains("proc/kcore") })
        }
    }

    @Test func memoryDeviceIsReadWhereThereIsRAM() throws {
        let image = try CapturedHandover(name: "7.1/basic").read()
        let regions = image.memory.regions
        var device = [UInt8](repeating: 0xEE, count: Int(try #require(regions.last?.upperBound.rawValue)))
        var list = "00000000-00000000 : Reserved\n"
        for region in regions {
            let place = Int(region.lowerBound.rawValue)..<Int(region.upperBound.rawValue)
            device.replaceSubrange(
                place, with: try image.memory.copy(at: region.lowerBound.rawValue, count: place.count))
            list +=
                String(place.lowerBound, radix: 16) + "-" + String(place.upperBound - 1, radix: 16)
                + " : System RAM\n  00000000-00000fff : System RAM\n"
        }
        try inMachine(Array(Self.machine[1..<2])) { root in
            for (name, bytes) in [("dev/mem", device), ("proc/iomem", Array(list.utf8))] {
                let url = URL(filePath: root.appending(name).string)
                try FileManager.default.createDirectory(
                    at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
                try Data(bytes).write(to: url)
            }
            let document = try HandoverInput(root, options: Self.asMachine).documents[0]
            #expect(document.memory.regions == regions)
            #expect(document.reading.state.luo == image.reading.state.luo)
        }
    }

    @Test func machineWithoutAHandoverSaysWhatWouldGiveOne() throws {
        _ = try withTemporaryDirectory { root in
            #expect { try HandoverInput(root, options: Self.asMachine) } throws: { error in
                let text = "\(error)"
                return ["boot data", "/proc/kcore", "/sys/kernel/debug/kho", "kho=on"].allSatisfy(text.contains)
            }
        }
    }

    // MARK: Where the root is

    /// The boot data of an arm64 kernel.
    @Test(arguments: ["linux,kho-scratch", "linux,kho-bootmem"])
    func deviceTreeSaysWhereRootAndScratchAre(_ scratch: String) throws {
        let image = try CapturedHandover(name: "7.3/basic").read()
        let root = try #require(image.reading.state.kho?.fdtAddress)
        var memory = SparseMemory()
        for region in image.memory.regions {
            let count = Int(region.upperBound.rawValue - region.lowerBound.rawValue)
            try memory.write(try image.memory.copy(at: region.lowerBound.rawValue, count: count), at: region.lowerBound)
        }
        var area: [UInt8] = []
        for word in [0x4000_0000, 0x10_0000, 0x5000_0000, 0x2000] as [UInt64] { area.put(word, at: area.count) }
        try memory.write(area, at: PhysicalAddress(0x7000_0010))
        func cells(_ words: UInt64...) -> [UInt8] {
            words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * $0)) } }
        }
        var writer = try SequentialWriter()
        try writer.finishReservations()
        try writer.beginNode("")
        try writer.beginNode("chosen")
        try writer.property("linux,kho-fdt", bytes: cells(root.rawValue, 4096))
        try writer.property(scratch, bytes: cells(0x7000_0010, 32))
        try writer.endNode()
        try writer.endNode()
        let tree = try writer.finish().bytes
        let core = try ELFCoreWriter(machine: .aarch64, pageSize: 4096).bytes(of: memory)
        try withTemporaryDirectory { directory in
            let path = directory.appending("memory.elf")
            try Data(core).write(to: URL(filePath: path.string))
            try Data(tree).write(to: URL(filePath: directory.appending("fdt").string))
            let chosen = directory.appending("chosen")
            try FileManager.default.createDirectory(atPath: chosen.string, withIntermediateDirectories: true)
            for (name, bytes) in [("linux,kho-fdt", cells(root.rawValue, 4096)), (scratch, cells(0x7000_0010, 32))] {
                try Data(bytes).write(to: URL(filePath: chosen.appending(name).string))
            }
            for name in ["fdt", "chosen", "chosen/linux,kho-fdt"] {
                var options = InputOptions()
                options.bootData = directory.appending(name)
                let document = try HandoverInput(path, options: options).documents[0]
                #expect(document.reading.state.kho?.fdtAddress == root)
                #expect(document.scratch == [range(0x4000_0000, 0x4010_0000), range(0x5000_0000, 0x5000_2000)])
                #expect(CheckSubject(document).scratch == document.scratch)
                #expect(HandoverCheck(CheckSubject(document)).verdict == .accepted)
            }
            // Without scratch, a kernel ignores the root.
            try FileManager.default.removeItem(atPath: chosen.appending(scratch).string)
            var options = InputOptions()
            options.bootData = chosen
            let check = HandoverCheck(CheckSubject(try HandoverInput(path, options: options).documents[0]))
            #expect(check.verdict == .ignored)
            #expect(check.results.contains { $0.rule.name == "boot-scratch" })
            try FileManager.default.removeItem(atPath: chosen.appending("linux,kho-fdt").string)
            #expect(throws: InputError.self) { try HandoverInput(path, options: options) }
        }
    }

    @Test(arguments: ["6.18", "6.19", "7.1", "7.3"]) func setupDataSaysWhereTheRootIs(_ version: String) throws {
        var options = InputOptions()
        options.bootData = Fixture.file("captures/\(version)/debugfs/receiver-setup_data/1/data")
        let capture = CapturedHandover(name: "\(version)/basic")
        let state = try capture.read(options).reading.state
        #expect(state.kho?.fdtAddress == (try capture.read()).reading.state.kho?.fdtAddress)
        // No search for others has taken place.
        #expect(state.kho?.staleRoots == nil)
    }

    @Test func setupDataOfAnotherKindIsRefused() {
        var options = InputOptions()
        options.bootData = Fixture.file("captures/7.3/debugfs/receiver-setup_data/1/type")
        #expect(throws: InputError.self) { try CapturedHandover(name: "7.3/basic").read(options) }
    }

    @Test func rootThatIsNotThereIsAnError() {
        var options = InputOptions()
        options.rootAddress = PhysicalAddress(0x1000)
        #expect(throws: InputError.self) { try CapturedHandover(name: "7.3/basic").read(options) }
    }

    @Test func statedKernelIsBelieved() throws {
        var options = InputOptions()
        options.generation = .v7_0
        #expect(try CapturedHandover(name: "6.19/basic").read(options).reading.state.kernel == "7.0")
    }
}
