import KernelABI
import SystemPackage
import Testing

@testable import Handover
@testable import KernelBoot

/// Tests where a plan places what a kernel needs around an image.
@Suite struct BootPlanTests {
    private static let MiB: UInt64 = 1 << 20

    /// A PC whose kernel needs 32 MiB from 16 MiB on.
    private struct Machine: GuestMachine {
        static let machine = KernelABI_Machine.x86_64
        static let emulator = "", package = "", console = ""
        static let arguments: [String] = []
        static let reserved = MemoryUse(range: range(0, 1), purpose: "devices")
        let pageSize: PageSize
        let release: String? = nil
        var room: (size: UInt64, alignment: UInt64, from: PhysicalAddress) {
            (32 * MiB, 2 * MiB, PhysicalAddress(16 * MiB))
        }

        init(_ pageSize: PageSize = .kib4) { self.pageSize = pageSize }
        init?(kernel: MappedFile) { nil }
        func banks(memory: UInt64) -> [Range<PhysicalAddress>] { [PhysicalAddress(0)..<PhysicalAddress(memory)] }
        func load(
            _ plan: BootPlan, commandLine: String, into memory: GuestMemory, directory: FilePath
        ) async throws(BootError) -> [String] { [] }
    }

    private static func range(_ start: UInt64, _ end: UInt64) -> Range<PhysicalAddress> {
        PhysicalAddress(start * MiB)..<PhysicalAddress(end * MiB)
    }

    private func plan(
        _ occupied: [Range<PhysicalAddress>], _ machine: Machine = Machine(), memory: UInt64? = nil
    ) throws -> BootPlan {
        var image = SparseMemory(pageSize: 4096)
        for range in occupied { image.allocate(range) }
        let root = occupied[0].lowerBound
        let subject = CheckSubject(memory: image, rootAt: root)
        return try BootPlan(subject, root: root, machine: machine, initrdSize: 5 * Self.MiB, memorySize: memory)
    }

    @Test(arguments: [[(1, 2)], [(16, 48), (100, 101)], [(1, 400)], [(500, 520)], [(1, 5), (17, 300), (900, 1000)]])
    func `nothing overlaps, and everything is where the kernel wants it`(occupied: [(UInt64, UInt64)]) throws {
        let image = occupied.map { Self.range($0.0, $0.1) }
        let plan = try plan(image)
        let placed = (image + plan.scratch + [plan.kernel, plan.pointers, plan.initrd, Self.range(0, 1)])
            .sorted { $0.lowerBound < $1.lowerBound }
        for (left, right) in zip(placed, placed.dropFirst()) { #expect(left.upperBound <= right.lowerBound) }
        #expect(placed.last?.upperBound ?? PhysicalAddress(0) <= PhysicalAddress(plan.memorySize))
        #expect(plan.kernel.lowerBound.rawValue >= 16 * Self.MiB)
        for area in plan.scratch { #expect(area.lowerBound.rawValue % (4 * Self.MiB) == 0) }
    }

    @Test func `what is preserved exists, and nothing is placed there, though the image does not show it`() throws {
        func plan(preserving range: String) throws -> BootPlan {
            let document = #"{"kernel": "7.3", "preserved": {"ranges": [[\#(range)]]}}"#
            let planned = try HandoverPlanner.plan(
                try DocumentReader.read(Array(document.utf8)), options: HandoverPlanner.Options()
            ) { _ throws(FileError) in 0 }
            let image = try HandoverImage(of: planned) { _ throws(FileError) in MappedFile(bytes: [], name: "") }
            let root = try #require(image.rootAddress)
            let subject = CheckSubject(memory: image.memory, rootAt: root)
            return try BootPlan(
                subject, root: root, machine: Machine(), initrdSize: 5 * Self.MiB, memorySize: nil)
        }
        #expect(try plan(preserving: #""0x1000000", "0x2000000""#).kernel.lowerBound.rawValue == 32 * Self.MiB)
        #expect(try plan(preserving: #""0x40000000", "0x40001000""#).memorySize == 2048 * Self.MiB)
        // No machine that boots soon has that much memory: only the image counts.
        #expect(try plan(preserving: #""0x10000000000", "0x10000001000""#).memorySize == 512 * Self.MiB)
    }

    @Test func `scratch areas are aligned to the largest block of the page size`() throws {
        let plan = try plan([Self.range(1, 2)], Machine(.kib64))
        for area in plan.scratch { #expect(area.lowerBound.rawValue % (512 * Self.MiB) == 0) }
    }

    @Test func `an image that leaves no room, or lies where there is no memory, is refused with the reason`() throws {
        func reason(_ occupied: Range<PhysicalAddress>, memory: UInt64?) -> String {
            do {
                _ = try plan([occupied], memory: memory)
                return "none"
            } catch {
                return "\(error)"
            }
        }
        #expect(reason(Self.range(0, 2), memory: nil).contains("which is needed for devices"))
        #expect(reason(Self.range(1, 2), memory: 64 * Self.MiB).contains("no room for scratch memory"))
        #expect(reason(Self.range(600, 601), memory: 512 * Self.MiB).contains("has none"))
    }
}

private typealias KernelABI_Machine = Machine
