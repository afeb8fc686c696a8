import FDT
import KernelABI
import TestSupport
import Testing

import struct Handover.Capture

@testable import Handover

/// Tests that bundles can be read back, and that malformed ones are rejected.
@Suite struct BundleTests {
    private func image() throws -> HandoverImage {
        var source = RandomHandover(random: SplitMix64(seed: 3), generation: .v7_2, pageSize: .kib4)
        return try HandoverImage(
            of: try HandoverPlanner.plan(source.state(), sizeOfFile: noFiles), contents: noContents)
    }

    @Test func `a bundle holds all memory of a handover`() throws {
        let image = try image()
        let bundle = try Bundle.read(try Bundle.tree(of: Capture(image)))
        #expect(bundle.rootAddress == image.rootAddress)
        #expect(bundle.kernel == image.state.kernel)
        #expect(bundle.memory.statedMachine == image.state.machine)
        #expect(bundle.memory.regions == image.memory.regions)
        for region in image.memory.regions {
            let count = Int(region.upperBound.rawValue - region.lowerBound.rawValue)
            let found = try bundle.memory.copy(at: region.lowerBound.rawValue, count: count)
            #expect(try found == image.memory.copy(at: region.lowerBound.rawValue, count: count))
        }
    }

    /// Memory that gives no more than a MiB at once.
    private struct ShortReads: PhysicalMemory {
        let memory: SparseMemory
        var regions: [Range<PhysicalAddress>] { memory.regions }

        func withBytes<Result>(
            at address: PhysicalAddress, count: Int, _ body: (RawSpan) -> Result
        ) throws(MemoryError) -> Result {
            guard count <= 1 << 20 else { throw .unreadable(address: address, count: count, reason: "too long") }
            return try memory.withBytes(at: address, count: count, body)
        }
    }

    @Test func `a bundle holds runs that are too long to be read at once`() throws {
        let (start, size) = (PhysicalAddress(0x1_0000_0000), 3 << 20)
        var memory = SparseMemory(pageSize: 4096)
        memory.allocate(start..<PhysicalAddress(start.rawValue + UInt64(size)))
        try memory.write([1, 2, 3], at: PhysicalAddress(start.rawValue + 4096))
        let extent = Extent(
            address: start, byteCount: size, role: .contents, form: .opaque, owner: .preservedBesides)
        let bundle = try Bundle.read(
            try Bundle.tree(of: Capture(HandoverState(), extents: [extent], memory: ShortReads(memory: memory))))
        #expect(bundle.memory.regions == memory.regions)
        #expect(try bundle.memory.copy(at: start.rawValue + 4096, count: 4) == [1, 2, 3, 0])
    }

    @Test func `memory that nothing describes is in a bundle, too`() throws {
        let image = try image()
        let other = PhysicalAddress(0x7_0000_0000)
        var memory = image.memory
        try memory.write([1, 2, 3], at: other)
        let capture = Capture(image.state, extents: image.extents, memory: memory)
        let bundle = try Bundle.read(try Bundle.tree(of: capture))
        #expect(bundle.memory.regions == memory.regions)
        #expect(try bundle.memory.copy(at: other.rawValue, count: 4) == [1, 2, 3, 0])
    }

    @Test func `what is more than readers take makes no bundle`() throws {
        var memory = SparseMemory(pageSize: 65536)
        memory.allocate(PhysicalAddress(0)..<PhysicalAddress(Bundle.memoryLimit + 65536))
        let error = #expect(throws: BundleError.self) {
            try Bundle.tree(of: Capture(HandoverState(), extents: [], memory: memory))
        }
        #expect(error == .tooLarge)
    }

    /// A bundle with one node that has an error.
    private func tree(
        compatible: String = "luo-fdt,bundle-v1", pageSize: UInt32 = 4096, nodes: String = "memory",
        reg: [UInt32] = [0, 0x1000, 0, 0x1000], data: [UInt8] = [1]
    ) throws(FDTError) -> FlattenedTree {
        var writer = try SequentialWriter(capacity: 4096)
        try writer.finishReservations()
        try writer.node("") { (root) throws(FDTError) in
            try root.property("compatible", string: compatible)
            try root.property("page-size", u32: pageSize)
            try root.node(nodes) { (memory) throws(FDTError) in
                try memory.node("root@1000") { (node) throws(FDTError) in
                    try node.property("reg", cells: reg)
                    try node.property("data", bytes: data)
                }
            }
        }
        return try writer.finish()
    }

    @Test func `malformed bundles are refused, with the place`() throws {
        let page = try Bundle.read(try tree()).memory.copy(at: 0x1000, count: 4096)
        #expect(page == [1] + [UInt8](repeating: 0, count: 4095))
        let wrong: [(FlattenedTree, String)] = [
            (try tree(compatible: "other"), "bundle: /: compatible is not luo-fdt,bundle-v1"),
            (try tree(pageSize: 4095), "bundle: /: page-size is not 4096, 16384 or 65536"),
            (try tree(nodes: "images"), "bundle: /: no node memory"),
            (
                try tree(reg: [0x1000, 0x1000]),
                "bundle: /memory/root@1000: reg is not two cells of address and two of size"
            ),
            (
                try tree(reg: [0, 0x1000, 0, 0]),
                "bundle: /memory/root@1000: reg does not contain data, or exceeds the address space"
            ),
            (
                try tree(reg: [.max, .max, 0, 2]),
                "bundle: /memory/root@1000: reg does not contain data, or exceeds the address space"
            ),
            (
                try tree(reg: [0, 0, 0x7fff_ffff, 0]),
                "bundle: /memory/root@1000: more than 64 GiB of memory in all"
            ),
        ]
        for (tree, message) in wrong {
            let error = #expect(throws: BundleError.self) { try Bundle.read(tree) }
            #expect(error?.description == message)
        }
    }
}
