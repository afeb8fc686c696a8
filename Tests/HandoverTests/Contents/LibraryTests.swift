import Foundation
import Handover
import SystemPackage
import TestSupport
import Testing

/// The three examples in the article on payloads.
@Suite struct LibraryTests {
    @Test func `payloads are built, written, read and compared as the article says`() throws {
        let path = FilePath("/tmp/luo-fdt-library-\(UUID().uuidString).elf")
        defer { try? FileManager.default.removeItem(atPath: path.string) }
        var handover = Handover(kernel: .v7_3)
        handover.flbs.append(
            "pci", payload: ["version": 2, "devices": [["domain": 0, "bdf": 8, "refcount": 1]]], neededBy: 1)
        try handover.write(to: path)

        let read = try Handover(contentsOf: path)
        #expect(read.flbs.map(\.name) == ["pci"])
        #expect(read.flbs.first?.count == 1)
        let payload = try #require(try read.flbs.first?.payload())
        #expect(payload["version"] == 2)
        #expect(payload["nr_devices"] == 1)
        guard case .array(let devices) = payload["devices"] else {
            Issue.record("no devices in \(payload)")
            return
        }
        #expect(devices == [["domain": 0, "bdf": "0x8", "refcount": 1]])

        let golden = read.json
        #expect(try Handover(contentsOf: path).json == golden)
        #expect(golden.contains("\"devices_blocks\""))
    }

    @Test func `the payload of an unknown kind is its handle`() throws {
        let handover = try Handover(contentsOf: CapturedHandover(name: "7.3/basic").path)
        let flb = try #require(handover.flbs.first)
        #expect(flb.name == "liveupdate-test-flb-v0")
        #expect(try flb.payload() == .number(0xfeed_f00d_cafe_bee0))
    }
}
