import Handover
import KernelABI
import TestSupport
import Testing

@testable import LiveUpdate

/// Images that real kernels handed over, received by the model.
@Suite struct CaptureTests {
    @Test(arguments: ["7.1", "7.3"])
    func `a captured handover is taken over, retrieved and finished`(release: String) throws {
        let document = try CapturedHandover(name: "\(release)/basic").read()
        let (image, reading) = (document.memory, document.reading)
        let journal = Journal()
        let kernel = Kernel(
            // The captures of 7.1 are from 7.1.13.
            try .test(release == "7.1" ? "7.1.13" : release, journal),
            handedOver: try HandedOver(
                copying: image, rootAddress: reading.state.kho?.fdtAddress, pageSize: .kib4))
        #expect(kernel.outcome == .adopted)
        #expect(kernel.liveUpdateNumber == 1)

        let memfd = try #require(FileHandler.memfd(for: kernel.configuration))
        let names = (0..<3).map { "liveupdate-test-flb-v\($0)" }
        let flbs = names.map { TestFLB($0).make() }
        for flb in flbs {
            #expect(try kernel.getIncoming(flb) as? String != nil)
            try kernel.putIncoming(flb)
        }
        #expect(journal.calls() == names.map { "\($0) retrieve" })
        try kernel.register(memfd)
        for flb in flbs { try kernel.register(flb, with: memfd) }

        let device = try kernel.openDevice()
        let alpha = try device.retrieveSession("vm-alpha")
        let file = try #require(try alpha.retrieve(token: 0x1001) as? MemFD)
        #expect(file.size == 8192)
        // The first page of the captured file, byte for byte.
        let folio = try #require(reading.state.luo?.sessions?[0].files?[1].memfd?.folios?.first)
        let page = try image.withBytes(at: PhysicalAddress(folio.pfn << 12), count: 4096) { bytes in
            bytes.withUnsafeBytes { Array($0) }
        }
        #expect(file.read(count: 4096) == page)
        #expect(page.contains { $0 != 0 })
        try alpha.finish()
        try device.retrieveSession("vm-beta").finish()
        #expect(journal.calls().filter { $0.hasSuffix("flb-v0 finish") || $0.hasSuffix("flb-v2 finish") }.count == 2)
        #expect(journal.calls() == [])
    }

    @Test func `names of all kinds come in as they went out`() throws {
        let document = try CapturedHandover(name: "7.3/names").read()
        let (image, reading) = (document.memory, document.reading)
        let kernel = Kernel(
            try .test("7.3"),
            handedOver: try HandedOver(
                copying: image, rootAddress: reading.state.kho?.fdtAddress, pageSize: .kib4))
        try kernel.register(try #require(FileHandler.memfd(for: kernel.configuration)))
        let device = try kernel.openDevice()
        for session in try #require(reading.state.luo?.sessions) {
            let incoming = try device.retrieveSession(session.name.repaired)
            for file in try #require(session.files) {
                let memfd = try #require(try incoming.retrieve(token: file.token) as? MemFD)
                #expect(memfd.size == file.memfd?.size)
            }
            try incoming.close()
        }
        #expect(kernel.sessions.incomingCount == 0)
        #expect(kernel.preservedFiles.count == 0)
    }

    @Test(arguments: ["6.18", "6.19", "7.1", "7.3"], ["6.18", "6.19", "7.0", "7.1", "7.3"])
    func `a kernel takes what its own generation wrote`(from: String, into: String) throws {
        let document = try CapturedHandover(name: "\(from)/basic").read()
        let (image, reading) = (document.memory, document.reading)
        let kernel = Kernel(
            try .test(into),
            handedOver: try HandedOver(
                copying: image, rootAddress: reading.state.kho?.fdtAddress, pageSize: .kib4))
        let expected: String =
            switch (from, into) {
            case ("7.1", "7.1"), ("7.3", "7.3"), ("6.19", "6.19"): "adopted"
            case ("6.19", "7.0"): "panicked"
            case ("6.18", "6.18"), ("6.18", "6.19"), ("6.18", "7.0"), ("6.19", "6.18"): "fresh"
            default: "lost"
            }
        #expect(kernel.outcome.word == expected)
    }
}
