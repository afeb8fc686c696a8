import Foundation
import KernelABI
import SystemPackage
import TestSupport
import Testing

@testable import Handover

/// Captured images of real kernels are read, written as documents, and built from them again.
@Suite struct RoundTripTests {
    @Test(arguments: CapturedHandover.names)
    func `a capture's document builds the same pages again`(image: String) throws {
        let handover = try HandoverInput(CapturedHandover(name: image).path).documents[0]
        let (reading, core) = (handover.reading, handover.memory)
        #expect(reading.findings == [])
        let exact = reading.exactState(in: core)
        #expect(exact.residue == nil)

        var text: [UInt8] = []
        var writer = DocumentWriter { text += $0 }
        writer.write(exact)
        let document = try DocumentReader.read(text)
        #expect(document == exact)

        let planned = try HandoverPlanner.plan(document) { _ throws(FileError) in 0 }
        var unchanged = planned
        unchanged.machine = exact.machine
        #expect(unchanged == exact)
        let built = try HandoverImage(of: planned) { _ throws(FileError) in MappedFile(bytes: [], name: "") }
        for extent in reading.extents where extent.role.isMetadata {
            let captured = try core.withBytes(at: extent.address, count: extent.byteCount) { Data($0) }
            let made = try built.memory.withBytes(at: extent.address, count: extent.byteCount) { Data($0) }
            #expect(made == captured, "\(extent.role) of \(extent.owner) at \(extent.address)")
        }
    }
}

extension Data {
    init(_ bytes: RawSpan) {
        self = bytes.withUnsafeBytes { Data($0) }
    }
}
