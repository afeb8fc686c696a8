import FDT
import Foundation
import Handover
import KernelABI
import SystemPackage
import Testing

/// That an input is what it is, and what is not one is said to be none.
@Suite struct InputTests {
    static let receiver = "captures/7.3/debugfs/receiver"

    private func input(_ name: String, _ options: InputOptions = InputOptions()) throws -> HandoverInput {
        try HandoverInput(FilePath(Fixture.path(name)), options: options)
    }

    private func inFile(_ bytes: [UInt8], _ body: (FilePath) throws -> Void) throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "luo-fdt-\(UUID().uuidString)")
        try Data(bytes).write(to: url)
        defer { try? FileManager.default.removeItem(at: url) }
        try body(FilePath(url.path()))
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
        try inFile(page) { path in
            let input = try HandoverInput(path)
            #expect(input.kind == "flb")
            #expect(input.documents[0].reading.state.luo?.flbs == document.reading.state.luo?.flbs)
        }
    }

    @Test func wrongGuessSaysWhatFits() throws {
        for kind in InputKind.all where kind.name != "elf" && kind.name != "dump" {
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
        try inFile(Array("no handover, but enough bytes for any of the structures that have no magic number".utf8)) {
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
            try inFile(bytes) { path in
                #expect(throws: InputError.self, "\(size) random bytes") { try HandoverInput(path) }
            }
        }
    }

    @Test func noFileNoDirectoryNothingInIt() throws {
        #expect(throws: InputError.self) { try HandoverInput("/nonexistent/luo-fdt") }
        #expect(throws: InputError.self) { try input("fdt/no-such-file") }
        // A directory without the files.
        #expect(throws: InputError.self) { try input("captures/6.18/debugfs/receiver/out") }
        try inFile([]) { path in
            #expect(throws: InputError.self) { try HandoverInput(path) }
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
        // The addresses lead nowhere, and that is not the handover's fault.
        #expect(state.preserved == nil)
        #expect(input.documents[0].reading.findings.contains { $0.severity == .unknown })
        #expect(input.isDamaged == (version == "7.3"))
        if version != "6.18", version != "7.3" { #expect(state.luo?.liveUpdateNumber == 1) }
    }

    @Test func garbageInPlaceOfLUOIsSaidToBeNone() throws {
        let reading = try input("captures/7.3/debugfs/receiver/in").documents[0].reading
        let damage = reading.findings.filter { $0.severity == .damage }
        #expect(damage.count == 1)
        #expect(damage.first?.place.structure == "luo_ser")
        #expect(damage.first?.expected.contains("this is not a luo_ser") ?? false)
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
        // The last nodes are cut off, and known by their blobs.
        let names = Set((kho.subtrees ?? []).map(\.name.repaired))
        #expect(names.isSuperset(of: ["LUO", "memblock", "kho_test"]))
        #expect(reading.isDamaged)
        #expect(reading.findings.contains { $0.expected.contains("\(stated) bytes (totalsize); there are \(size)") })
        #expect(document.notes.map(\.name).contains("scratch_phys"))
    }

    @Test func directoryAboveShowsWhatCameInAndWhatGoesOut() throws {
        let input = try input(Self.receiver)
        #expect(input.documents.map(\.part) == ["in", "out"])
        #expect(input.documents[1].reading.state.kernel == "7.2")
        #expect(input.documents[1].reading.state.luo?.compatible == "luo-v5")
        // Nothing went out on 6.18.
        #expect(try self.input("captures/6.18/debugfs/receiver").documents.map(\.part) == ["in"])
    }

    @Test func memoryBesideBlobsIsFollowed() throws {
        var options = InputOptions()
        options.memory = FilePath(Fixture.path("captures/7.1/basic.elf"))
        let state = try input("captures/7.1/debugfs/receiver/in", options).documents[0].reading.state
        let image = try CapturedHandover(name: "7.1/basic").read().reading.state
        #expect(state.luo?.sessions?.count == 3)
        #expect(state.luo == image.luo)
        #expect(state.preserved == image.preserved)
        let luo = try input("captures/7.1/debugfs/receiver/in/sub_fdts/LUO", options).documents[0].reading.state.luo
        #expect(luo == image.luo)
    }

    // MARK: Where the root is

    @Test(arguments: ["6.18", "6.19", "7.1", "7.3"]) func setupDataSaysWhereTheRootIs(_ version: String) throws {
        var options = InputOptions()
        options.setupData = FilePath(Fixture.path("captures/\(version)/debugfs/receiver-setup_data/1/data"))
        let capture = CapturedHandover(name: "\(version)/basic")
        let state = try capture.read(options).reading.state
        #expect(state.kho?.fdtAddress == (try capture.read()).reading.state.kho?.fdtAddress)
        // Nobody has searched for others.
        #expect(state.kho?.staleRoots == nil)
    }

    @Test func setupDataOfAnotherKindIsRefused() {
        var options = InputOptions()
        options.setupData = FilePath(Fixture.path("captures/7.3/debugfs/receiver-setup_data/1/type"))
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
