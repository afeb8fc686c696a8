import Foundation
import Handover
import KernelABI
import SystemPackage
import TestSupport
import Testing

/// Images that are truncated, overwritten, or full of old roots: each is read as far as possible.
@Suite struct DamagedInputTests {
    /// The memory of a capture, for changing it.
    private func memory(of name: String) throws -> (memory: SparseMemory, state: HandoverState) {
        let document = try CapturedHandover(name: name).read()
        var memory = SparseMemory()
        memory.statedMachine = .x86_64
        for range in document.memory.regions {
            let count = Int(range.upperBound.rawValue - range.lowerBound.rawValue)
            let bytes = try document.memory.withBytes(at: range.lowerBound, count: count) {
                $0.withUnsafeBytes { Array($0) }
            }
            try memory.write(bytes, at: range.lowerBound)
        }
        return (memory, document.reading.state)
    }

    private func read(_ memory: SparseMemory, machine: Machine = .x86_64) throws -> HandoverDocument {
        let core = try ELFCoreWriter(machine: machine, pageSize: 4096).bytes(of: memory)
        return try read(core)
    }

    private func read(_ bytes: [UInt8]) throws -> HandoverDocument {
        try withTemporaryFile(bytes) { try HandoverInput($0).documents[0] }
    }

    private func bytes(_ memory: SparseMemory, at address: PhysicalAddress, count: Int) throws -> [UInt8] {
        try memory.withBytes(at: address, count: count) { $0.withUnsafeBytes { Array($0) } }
    }

    private func littleEndian(_ value: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) }
    }

    @Test func unchangedMemoryReadsTheSame() throws {
        let (memory, state) = try memory(of: "7.3/basic")
        #expect(try read(memory).reading.state == state)
    }

    @Test func imageOfUnknownMachineFindsItsPageSize() throws {
        var (memory, state) = try memory(of: "7.3/basic")
        memory.statedMachine = nil
        // The writer states 4096; without a note, only reading can determine the page size.
        let core = try ELFCoreWriter(machine: .aarch64, pageSize: 4096).bytes(of: memory)
        let unstated = try #require(replacing("PAGESIZE", with: "PAGESIXE", in: core))
        let document = try read(unstated)
        #expect(document.pageSize == .kib4)
        state.machine = .aarch64
        #expect(document.reading.state == state)
    }

    private func replacing(_ old: String, with new: String, in bytes: [UInt8]) -> [UInt8]? {
        guard let start = bytes.firstRange(of: Array(old.utf8))?.lowerBound else { return nil }
        var bytes = bytes
        bytes.replaceSubrange(start..<start + old.utf8.count, with: new.utf8)
        return bytes
    }

    // MARK: Stale roots

    @Test func olderRootIsStale() throws {
        var (memory, state) = try memory(of: "7.3/basic")
        let root = try #require(state.kho?.fdtAddress)
        let size = Int(try #require(state.kho?.fdtSize))
        // A copy that refers to a luo_ser with a lower update number.
        let stale = PhysicalAddress(0x1000)
        let staleLUO = PhysicalAddress(0x2000)
        let luo = try #require(state.kho?.subtrees?.first { $0.name == "LUO" })
        let luoAddress = try #require(luo.address)
        var copy = try bytes(memory, at: root, count: size)
        let pointer = try #require(copy.firstRange(of: littleEndian(luoAddress.rawValue))?.lowerBound)
        copy.replaceSubrange(pointer..<pointer + 8, with: littleEndian(staleLUO.rawValue))
        try memory.write(copy, at: stale)
        var luoBytes = try bytes(memory, at: luoAddress, count: 32)
        luoBytes.replaceSubrange(8..<16, with: littleEndian(0))
        try memory.write(luoBytes, at: staleLUO)

        let reading = try read(memory).reading
        #expect(reading.state.kho?.fdtAddress == root)
        #expect(reading.state.kho?.staleRoots == [stale])
        state.kho?.staleRoots = [stale]
        #expect(reading.state == state)
        #expect(!reading.isDamaged)
    }

    @Test func rootThatLeadsNowhereIsStaleWhateverItsNumber() throws {
        var (memory, state) = try memory(of: "7.1/basic")
        let root = try #require(state.kho?.fdtAddress)
        let map = try #require(state.kho?.preservedMemoryMap)
        var copy = try bytes(memory, at: root, count: Int(try #require(state.kho?.fdtSize)))
        let pointer = try #require(copy.firstRange(of: littleEndian(map.rawValue))?.lowerBound)
        copy.replaceSubrange(pointer..<pointer + 8, with: littleEndian(0x7fff_0000))
        try memory.write(copy, at: PhysicalAddress(0x3000))
        let reading = try read(memory).reading
        #expect(reading.state.kho?.fdtAddress == root)
        #expect(reading.state.kho?.staleRoots == [PhysicalAddress(0x3000)])
    }

    @Test func copyOfTheRootInAFileIsNotTheRoot() throws {
        var (memory, state) = try memory(of: "7.3/basic")
        let root = try #require(state.kho?.fdtAddress)
        let folio = try #require(state.luo?.sessions?.first?.files?.first?.memfd?.folios?.first)
        let inside = PhysicalAddress(folio.pfn << 12)
        try memory.write(try bytes(memory, at: root, count: 4096), at: inside)
        let reading = try read(memory).reading
        #expect(reading.state.kho?.fdtAddress == root)
        #expect(reading.state.kho?.staleRoots == [inside])
    }

    @Test func rootOfAnUnknownVersionIsListedAndNotRead() throws {
        var (memory, state) = try memory(of: "7.3/basic")
        let root = try #require(state.kho?.fdtAddress)
        let copy = try #require(replacing("kho-v4", with: "kho-v9", in: try bytes(memory, at: root, count: 405)))
        try memory.write(copy, at: PhysicalAddress(0x1000))
        let reading = try read(memory).reading
        #expect(reading.state.kho?.fdtAddress == root)
        #expect(reading.state.kho?.staleRoots == [PhysicalAddress(0x1000)])
        #expect(!reading.isDamaged)

        try memory.write(copy, at: root)
        let unknown = try read(memory)
        #expect(unknown.isOfUnknownKernel && unknown.reading.isDamaged)
        #expect(unknown.reading.findings.first?.found == "\"kho-v9\"")
        #expect(unknown.reading.findings.first?.expected == "one of kho-v1, kho-v3, kho-v4")
        #expect(unknown.reading.state.kho?.subtrees?.count == state.kho?.subtrees?.count)
    }

    // MARK: Damage

    @Test func everyLengthOfAnImageIsReadOrRefused() throws {
        let whole = try Fixture.bytes("captures/7.3/empty.elf")
        let state = try CapturedHandover(name: "7.3/empty").read().reading.state
        var lengths = Array(stride(from: 0, to: whole.count, by: 4099))
        lengths += (0..<80) + [whole.count - 1]
        for length in lengths {
            do {
                let reading = try read(Array(whole.prefix(length))).reading
                #expect(reading.isDamaged, "\(length) bytes")
                #expect(reading.findings.contains { $0.cause == .input }, "\(length) bytes")
            } catch is InputError {
                #expect(length < whole.count - 1)
            }
        }
        #expect(try read(whole).reading.state == state)
    }

    @Test func chainThatLoopsEnds() throws {
        var (memory, state) = try memory(of: "7.3/basic")
        let block = try #require(state.luo?.sessionsAddress)
        try memory.write(littleEndian(block.rawValue), at: block)
        let reading = try read(memory).reading
        #expect(reading.state.luo?.sessions == state.luo?.sessions)
        #expect(
            reading.findings.map(\.description) == [
                "kho_block_header_ser.next of LUO, block 2 at \(block): found \(block), "
                    + "where the chain has been before, "
                    + "expected a chain that ends"
            ])
    }

    @Test(arguments: [52, 1 << 32, UInt64.max]) func countBeyondCapacityIsCut(_ count: UInt64) throws {
        var (memory, state) = try memory(of: "7.3/basic")
        let block = try #require(state.luo?.sessionsAddress)
        try memory.write(littleEndian(count), at: try #require(block.advanced(by: 8)))
        let reading = try read(memory).reading
        #expect(reading.state.luo?.sessions?.count == 51)
        #expect(
            reading.findings.map(\.description).contains(
                "kho_block_header_ser.count of LUO, block 1 at \(PhysicalAddress(block.rawValue + 8)): "
                    + "found \(count), expected 1 to 51"
            ))
    }

    @Test(arguments: [0x7fff_f000, 0xffff_ffff_ffff_f000, 1]) func pointerToNowhereLosesOnlyWhatItLedTo(
        _ pointer: UInt64
    ) throws {
        var (memory, state) = try memory(of: "7.1/basic")
        let sessions = try #require(state.luo?.sessionsAddress)
        // The files of the first session: after the header and the name.
        try memory.write(littleEndian(pointer), at: try #require(sessions.advanced(by: 8 + 64)))
        let reading = try read(memory).reading
        #expect(reading.isDamaged)
        #expect(reading.state.luo?.sessions?.map(\.name) == state.luo?.sessions?.map(\.name))
        #expect(reading.state.luo?.sessions?.dropFirst().map(\.files) == state.luo?.sessions?.dropFirst().map(\.files))
        #expect(reading.state.luo?.flbs == state.luo?.flbs)
        #expect(reading.state.preserved == state.preserved)
    }

    @Test func pagesThatAreMissingAreNamed() throws {
        var (memory, state) = try memory(of: "7.3/basic")
        let flbs = try #require(state.luo?.flbAddress)
        memory.removePage(at: flbs)
        let reading = try read(memory).reading
        #expect(
            reading.findings.map(\.description) == [
                "luo_flb_header_ser of LUO at \(flbs): found no memory available there, expected 16 bytes"
            ])
        #expect(reading.state.luo?.flbs == nil)
        #expect(reading.state.luo?.sessions == state.luo?.sessions)
    }

    /// Overwrites metadata at random: whatever happens, reading terminates, and memory use is bounded.
    @Test(arguments: ["6.18/basic", "6.19/basic", "7.1/basic", "7.3/basic"]) func overwrittenMetadataIsSurvived(
        _ name: String
    ) throws {
        let (memory, _) = try memory(of: name)
        let extents = try CapturedHandover(name: name).read().reading.extents.filter(\.role.isMetadata)
        var generator = SplitMix64(seed: 7)
        for _ in 0..<100 {
            var damaged = memory
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                guard let extent = extents.randomElement(using: &generator) else { continue }
                let offset = UInt64(Int.random(in: 0..<extent.byteCount, using: &generator)) & ~7
                let values: [UInt64] = [
                    0, 1, .max, extent.address.rawValue, extents[0].address.rawValue, generator.next(),
                    generator.next() & 0x1fff_f000, 0x8000_0000_0000_0000,
                ]
                guard let value = values.randomElement(using: &generator),
                    let address = extent.address.advanced(by: offset)
                else { continue }
                try damaged.write(littleEndian(value), at: address)
            }
            let reader = HandoverReader(memory: damaged, pageSize: .kib4)
            let root = extents.first { $0.role == .root }?.address ?? PhysicalAddress(0)
            _ = try? reader.read(rootAt: root)
        }
    }
}
