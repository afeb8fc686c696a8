import Foundation
import KernelABI
import SystemPackage
import TestSupport
import Testing

@testable import Handover

/// A captured handover whose pages are changed, and read by all readers.
struct HostileMemory {
    let memory: SparseMemory
    let root: PhysicalAddress
    /// The pages that describe the handover.
    let pages: [PhysicalAddress]

    init(_ image: String) throws {
        let subject = try #require(
            try CheckSubject.subjects(in: CapturedHandover(name: image).path, options: InputOptions()).first)
        root = try #require(subject.rootAddress)
        let reading = try #require(subject.reading)
        var memory = SparseMemory(pageSize: 4096)
        var pages: [PhysicalAddress] = []
        for extent in reading.extents + reading.state.contentsExtents {
            var page = PhysicalAddress(extent.range.lowerBound.rawValue & ~4095)
            while page < extent.range.upperBound {
                defer { page = PhysicalAddress(page.rawValue + 4096) }
                // Captures do not contain the contents of regions.
                guard let bytes = subject.memory.copy(at: page, count: 4096) else { continue }
                if extent.role.isMetadata { pages.append(page) }
                try memory.write(bytes, at: page)
            }
        }
        self.memory = memory
        self.pages = pages
    }

    func changed(_ address: PhysicalAddress, _ bytes: [UInt8]) throws -> SparseMemory {
        var memory = memory
        try memory.write(bytes, at: address)
        return memory
    }

    /// Reads, checks, writes and compares a handover. The test is that this returns.
    static func readAll(_ memory: SparseMemory, rootAt root: PhysicalAddress) {
        let subject = CheckSubject(memory: memory, rootAt: root)
        _ = HandoverCheck(subject).verdict
        guard let reading = subject.reading else { return }
        var size = 0
        var writer = DocumentWriter { size += $0.count }
        writer.write(reading.state)
        let side = HandoverDiff.Side(state: reading.state, memory: memory)
        #expect(HandoverDiff(side, side).isEmpty)
        // The amount read is limited by the size of the memory, whatever its contents claim.
        let bytes = memory.regions.reduce(0) { $0 + Int($1.upperBound.rawValue - $1.lowerBound.rawValue) }
        #expect(reading.extents.count <= bytes / 256)
        #expect(reading.findings.count <= 1000)
    }
}
