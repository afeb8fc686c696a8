import FDT
import KernelABI
import Testing

@testable import Handover

/// Tests which node of a root FDT is used for a subtree.
@Suite struct RootReaderTests {
    /// Reads a handover with a root FDT that has nodes with these names, which refer to blobs with kexec counts from 1
    /// on.
    private func read(_ names: [String]) throws -> Reading {
        var memory = SparseMemory(pageSize: 4096)
        let layout = KexecMetadataLayout.layout
        var writer = try SequentialWriter()
        try writer.finishReservations()
        try writer.node("") { (root) throws(FDTError) in
            try root.property("compatible", string: "kho-v4")
            try root.property("preserved-memory-map", u64: 0x10000, .littleEndian)
            for (index, name) in names.enumerated() {
                try root.node(name) { (node) throws(FDTError) in
                    try node.property("preserved-data", u64: UInt64(index + 1) << 12, .littleEndian)
                    try node.property("blob-size", u64: UInt64(layout.structure.size), .littleEndian)
                }
            }
        }
        for index in names.indices {
            var bytes = [UInt8](repeating: 0, count: layout.structure.size)
            layout.version.write(1, to: &bytes)
            layout.kexecCount.write(UInt32(index + 1), to: &bytes)
            try memory.write(bytes, at: PhysicalAddress(UInt64(index + 1) << 12))
        }
        try memory.write([UInt8](repeating: 0, count: 4096), at: PhysicalAddress(0x10000))
        return try HandoverReader(memory: memory, pageSize: .kib4).read(root: try writer.finish())
    }

    @Test func `of two nodes of one name the first is taken, and the second is kept as bytes`() throws {
        let reading = try read(["kexec-metadata", "kexec-metadata"])
        #expect(reading.state.kexecMetadata?.kexecCount == 1)
        #expect(reading.state.kho?.subtrees?.map { $0.data?.count } == [nil, 73])
        #expect(reading.findings.map(\.cause) == [.duplicate])
        #expect(reading.findings.first?.place.structure == "root FDT/kexec-metadata")
    }

    @Test func `a name also finds a node with a unit address, as in libfdt`() throws {
        let reading = try read(["kexec-metadata@1"])
        #expect(reading.state.kexecMetadata?.kexecCount == 1)
        #expect(reading.state.kho?.subtrees?.map { $0.data?.count } == [73])
    }
}
