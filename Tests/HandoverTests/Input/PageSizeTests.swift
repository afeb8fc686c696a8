import FDT
import KernelABI
import TestSupport
import Testing

import struct Handover.Capture

@testable import Handover

/// Tests detecting the page size of images that do not state it.
@Suite struct PageSizeTests {
    /// Memory without any information about its kernel.
    private struct UnlabelledMemory: PhysicalMemory {
        let memory: SparseMemory
        var regions: [Range<PhysicalAddress>] { memory.regions }
        var storedExtents: [Range<PhysicalAddress>] { memory.storedExtents }

        func withBytes<Result>(
            at address: PhysicalAddress, count: Int, _ body: (RawSpan) -> Result
        ) throws(MemoryError) -> Result {
            try memory.withBytes(at: address, count: count, body)
        }
    }

    private func image(_ state: HandoverState) throws -> HandoverImage {
        let planned = try HandoverPlanner.plan(state) { _ throws(FileError) in 0 }
        return try HandoverImage(of: planned) { _ throws(FileError) in MappedFile(bytes: [], name: "") }
    }

    private func reading(_ image: HandoverImage) throws -> Reading {
        let root = try #require(image.rootAddress)
        let context = try InputContext(InputOptions()) { _, _ in }
        return try context.withBestPageSize(in: UnlabelledMemory(memory: image.memory)) { reader throws(Finding) in
            try reader.read(rootAt: root)
        }
    }

    @Test(arguments: BuildTests.kinds)
    func `a handover tells its page size`(kind: BuildTests.Kind) throws {
        var source = RandomHandover(
            random: SplitMix64(seed: 1), generation: kind.generation, pageSize: kind.pageSize)
        let image = try image(source.state())
        let reading = try reading(image)
        #expect(reading.state.pageSize == kind.pageSize)
        // A single 512-byte bitmap at the beginning of a page could as well be a page-sized one, with the same meaning.
        guard kind.generation.preservedMap != Generation.v6_16.preservedMap else { return }
        #expect(reading.alternatives.isEmpty)
        #expect(reading.state.generation?.id == kind.generation.id)
        #expect(reading.state.machine == (kind.pageSize == .kib4 ? nil : .aarch64))
    }

    @Test(arguments: BuildTests.kinds)
    func `a handover with little in it is read right, or the question stays open`(kind: BuildTests.Kind) throws {
        var state = HandoverState()
        state.kernel = kind.generation.name
        state.pageSize = kind.pageSize
        let image = try image(state)
        let reading = try reading(image)
        let sizes = ([reading] + reading.alternatives).map(\.state.pageSize)
        #expect(sizes.contains(kind.pageSize))
        // What is then kept suffices for each page size.
        let capture = Capture(of: reading, in: UnlabelledMemory(memory: image.memory), contents: true)
        #expect(capture.state.pageSize == (sizes.count == 1 ? kind.pageSize : nil))
        for extent in image.extents where extent.role.isMetadata {
            #expect(throws: Never.self) { try capture.bytes(of: extent) }
        }
    }

    @Test func `blobs alone say what their addresses allow`() throws {
        func pageSize(_ map: UInt64) throws -> PageSize? {
            var state = HandoverState()
            state.kernel = "7.3"
            var kho = KHOState()
            kho.subtrees = []
            kho.preservedMemoryMap = PhysicalAddress(map)
            state.kho = kho
            let root = try #require(Capture(try image(state)).blob(ofSubtree: "kho"))
            let tree = try FlattenedTree(root)
            let context = try InputContext(InputOptions()) { _, _ in }
            return try context.withBestPageSize(in: EmptyMemory()) { reader throws(Finding) in
                try reader.read(root: tree)
            }.state.pageSize
        }
        #expect(try pageSize(0x1000_1000) == .kib4)
        #expect(try pageSize(0x1001_0000) == nil)
    }
}
