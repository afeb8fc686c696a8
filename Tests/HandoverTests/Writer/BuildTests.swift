import Foundation
import KernelABI
import SystemPackage
import TestSupport
import Testing

import struct Handover.Capture

@testable import Handover

/// Handovers that are built, read, and built again.
@Suite struct BuildTests {
    static let kinds = Generation.all.flatMap { generation in
        PageSize.allCases.map { Kind(generation: generation, pageSize: $0) }
    }

    struct Kind: CustomTestStringConvertible {
        let generation: Generation
        let pageSize: PageSize
        var testDescription: String { "\(generation.name), \(pageSize.bytes)" }
    }

    @Test(arguments: kinds)
    func `a random state survives build, dump and build`(kind: Kind) throws {
        // Larger pages take longer to compare, and only differ in their limits.
        for seed in UInt64(0)..<(kind.pageSize == .kib4 ? 3 : 1) {
            var source = RandomHandover(
                random: SplitMix64(seed: seed), generation: kind.generation, pageSize: kind.pageSize)
            let document = source.state()
            let planned = try HandoverPlanner.plan(document, sizeOfFile: noFiles)
            let image = try HandoverImage(of: planned, contents: noContents)
            let root = try #require(image.rootAddress)
            let reader = HandoverReader(memory: image.memory, pageSize: kind.pageSize)
            let reading = try reader.read(rootAt: root)
            #expect(reading.findings == [])
            let read = reading.exactState(in: image.memory)
            #expect(read.residue == nil)
            #expect(read.preserved == planned.preserved)
            #expect(read.kho == normalized(planned).kho)
            #expect(read.luo == planned.luo)

            // Through text, as in the command.
            var text: [UInt8] = []
            var writer = DocumentWriter { text += $0 }
            writer.write(read)
            let again = try HandoverPlanner.plan(
                try DocumentReader.read(text), sizeOfFile: noFiles)
            let copy = try HandoverImage(of: again, contents: noContents)
            for extent in image.extents where extent.role.isMetadata {
                let made = try copy.memory.withBytes(at: extent.address, count: extent.byteCount) { Data($0) }
                let first = try image.memory.withBytes(at: extent.address, count: extent.byteCount) { Data($0) }
                #expect(made == first, "seed \(seed): \(extent.role) of \(extent.owner) at \(extent.address)")
            }
            #expect(copy.memory.regions == image.memory.regions)
        }
    }

    @Test(arguments: kinds.filter { $0.pageSize == .kib4 || $0.generation.name == Generation.latest.name })
    func `a core that is laid out on the way is that of the image`(kind: Kind) throws {
        for seed in UInt64(0)..<(kind.pageSize == .kib4 ? 2 : 1) {
            var source = RandomHandover(
                random: SplitMix64(seed: seed), generation: kind.generation, pageSize: kind.pageSize)
            var planned = try HandoverPlanner.plan(source.state(), sizeOfFile: noFiles)
            // Residue bytes that cross the end of the root's page.
            let root = try #require(planned.kho?.fdtAddress)
            let end = try #require(root.advanced(by: UInt64(kind.pageSize.bytes - 2)))
            planned.residue = [ResidueState(address: end, data: [1, 2, 3, 4, 5])]
            let image = try HandoverImage(of: planned, contents: noContents)
            let writer = ELFCoreWriter(of: planned)

            try withTemporaryDirectory { directory in
                let path = directory.appending("core.elf")
                // The previous contents of the file are gone.
                try Destination(path).write([UInt8](repeating: 0xff, count: 1 << 20))
                let core = try CoreFile(of: planned, contents: noContents)
                #expect(core.regions == image.memory.regions)
                try core.write(to: try Destination(path), as: .elf)
                #expect(try Data(contentsOf: URL(filePath: path.string)) == Data(writer.bytes(of: image.memory)))
            }
        }
    }

    /// If a generation's roots do not state the sizes of subtrees, a reader determines them.
    private func normalized(_ state: HandoverState) -> HandoverState {
        var state = state
        guard let image = try? HandoverImage(of: state, contents: noContents) else { return state }
        state.kho?.fdtSize = image.extents.first { $0.role == .root }.map { UInt64($0.byteCount) }
        let capture = Capture(image)
        for index in (state.kho?.subtrees ?? []).indices where state.kho?.subtrees?[index].size == nil {
            let name = state.kho?.subtrees?[index].name.repaired ?? ""
            state.kho?.subtrees?[index].size = capture.blob(ofSubtree: name).map { UInt64($0.count) }
        }
        return state
    }

    @Test(arguments: kinds)
    func `everything that the kernel hands over is in the map`(kind: Kind) throws {
        var source = RandomHandover(
            random: SplitMix64(seed: 99), generation: kind.generation, pageSize: kind.pageSize)
        let planned = try HandoverPlanner.plan(source.state(), sizeOfFile: noFiles)
        let image = try HandoverImage(of: planned, contents: noContents)
        let summary = try #require(planned.preserved).summary(pageSize: kind.pageSize)
        for extent in image.extents where extent.role != .region {
            let page = UInt64(kind.pageSize.bytes)
            let start = PhysicalAddress(extent.address.rawValue / page * page)
            let end = PhysicalAddress((extent.range.upperBound.rawValue + page - 1) / page * page)
            #expect(summary.contains(start..<end) == extent.role.isPreserved, "\(extent.role) at \(extent.address)")
        }
    }

    @Test func `the same document gives the same bytes`() throws {
        var source = RandomHandover(random: SplitMix64(seed: 7), generation: .v7_2, pageSize: .kib4)
        let document = source.state()
        let images = try (0..<2).map { _ in
            try ELFCoreWriter(machine: .x86_64, pageSize: 4096).bytes(
                of: HandoverImage(
                    of: try HandoverPlanner.plan(document, sizeOfFile: noFiles), contents: noContents
                ).memory)
        }
        #expect(images[0] == images[1])
    }

    @Test func `of a region, whole pages alone are preserved`() throws {
        var document = HandoverState()
        document.kernel = "7.3"
        var region = MemblockState.Region()
        region.name = "log"
        region.start = PhysicalAddress(0x2000_0000)
        region.size = 5000
        document.memblock = MemblockState()
        document.memblock?.regions = [region]
        let planned = try HandoverPlanner.plan(document, sizeOfFile: noFiles)
        let last = try #require(planned.preserved?.ranges?.last)
        #expect(last == PhysicalAddress(0x2000_0000)..<PhysicalAddress(0x2000_1000))
    }

    @Test func `a full chunk of a list is followed by an empty one`() throws {
        var document = HandoverState()
        document.kernel = "7.3"
        var memfd = MemFDState()
        // 511 pages of a list, with 256 folios each.
        memfd.size = 511 * 256 * 4096
        var file = FileState()
        file.memfd = memfd
        var session = SessionState()
        session.name = "s"
        session.files = [file]
        document.luo = LUOState()
        document.luo?.sessions = [session]
        let planned = try HandoverPlanner.plan(document, sizeOfFile: noFiles)
        let chunks = planned.luo?.sessions?.first?.files?.first?.memfd?.vmalloc?.chunks
        #expect(chunks?.map(\.pages.count) == [511, 0])
    }
}

/// For documents that do not refer to files.
func noFiles(_ name: String) throws(FileError) -> UInt64 { 0 }

@Sendable func noContents(_ name: String) throws(FileError) -> MappedFile { MappedFile(bytes: [], name: "") }
