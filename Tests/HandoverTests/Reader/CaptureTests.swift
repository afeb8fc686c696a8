import Foundation
import Handover
import KernelABI
import SystemPackage
import TestSupport
import Testing

/// Compares the results of reading real handovers with those of another reader.
@Suite struct CaptureTests {
    @Test(arguments: CapturedHandover.all) func isWhole(_ capture: CapturedHandover) throws {
        let document = try capture.read()
        #expect(document.reading.findings.map(\.description) == [])
        #expect(document.reading.state.pageSize == capture.pageSize)
        #expect(document.reading.alternatives.isEmpty)
        let generation = ["6.17": "6.16", "7.3": "7.2"]
        let version = String(capture.name.prefix { $0 != "/" && $0 != "-" })
        #expect(document.reading.state.kernel == generation[version] ?? version)
    }

    @Test(arguments: CapturedHandover.all) func rootAgrees(_ capture: CapturedHandover) throws {
        let kho = try #require(try capture.read().reading.state.kho)
        let expected = try capture.expected()
        #expect(kho.fdtAddress?.rawValue == expected.fdt_pa.value)
        #expect(kho.fdtSize == expected.fdt_size)
        #expect(kho.compatible == KernelString(expected.compatible))
        #expect(kho.preservedMemoryMap?.rawValue == expected.preserved_memory_map.value)
        let subtrees = try #require(kho.subtrees)
        #expect(subtrees.map(\.name) == expected.subtrees.map { KernelString($0.name) })
        for (subtree, expected) in zip(subtrees, expected.subtrees) {
            #expect(subtree.address?.rawValue == expected.pa.value, "\(expected.name)")
            if let size = expected.size { #expect(subtree.size == size, "\(expected.name)") }
        }
    }

    @Test(arguments: CapturedHandover.all) func preservedMemoryAgrees(_ capture: CapturedHandover) throws {
        let preserved = try #require(try capture.read().reading.state.preserved)
        let expected = try capture.expected().preserved
        #expect(preserved.pages == expected.pages)
        #expect(preserved.bytes == expected.bytes)
        let byOrder = Dictionary(
            uniqueKeysWithValues: (preserved.blocksByOrder ?? [:]).map { (String($0.key), $0.value) })
        #expect(byOrder == expected.by_order)
        #expect(
            preserved.ranges?.map { [$0.lowerBound.rawValue, $0.upperBound.rawValue] }
                == expected.ranges.map { $0.map(\.value) })
    }

    @Test(arguments: CapturedHandover.all) func memblockAgrees(_ capture: CapturedHandover) throws {
        let memblock = try capture.read().reading.state.memblock
        let expected = try capture.expected().subtrees.lazy.compactMap(\.memblock).first
        #expect(memblock?.compatible == expected.map { KernelString($0.compatible) })
        #expect(memblock?.regions?.map(\.name) == expected?.regions.map { KernelString($0.name) })
        #expect(memblock?.regions?.map(\.start?.rawValue) == expected?.regions.map(\.start.value))
        #expect(memblock?.regions?.map(\.size) == expected?.regions.map(\.size))
    }

    @Test(arguments: CapturedHandover.all) func kexecMetadataAgrees(_ capture: CapturedHandover) throws {
        let metadata = try capture.read().reading.state.kexecMetadata
        let expected = try capture.expected().subtrees.lazy.compactMap(\.kexec_metadata).first
        #expect(metadata?.version == expected?.version)
        #expect(metadata?.previousRelease == expected.map { KernelString($0.previous_release) })
        #expect(metadata?.kexecCount == expected?.kexec_count)
    }

    @Test(arguments: CapturedHandover.all) func luoAgrees(_ capture: CapturedHandover) throws {
        let luo = try capture.read().reading.state.luo
        guard let expected = try capture.expected().subtrees.lazy.compactMap(\.luo).first else {
            #expect(luo == nil)
            return
        }
        #expect(luo?.compatible == KernelString(expected.compatible))
        #expect(luo?.liveUpdateNumber == expected.liveupdate_number)
        #expect(luo?.sessionsAddress?.rawValue == expected.sessions_pa.value)
        #expect(luo?.flbAddress?.rawValue == expected.flb_pa?.value)
        #expect(luo?.flbPageCount == expected.flb_pgcnt)
        #expect(luo?.flbs?.map(\.name) == expected.flbs?.map { KernelString($0.name) })
        #expect(luo?.flbs?.map(\.data) == expected.flbs?.map(\.data.value))
        #expect(luo?.flbs?.map(\.count) == expected.flbs?.map(\.count))
        let sessions = try #require(luo?.sessions)
        #expect(sessions.map(\.name) == expected.sessions.map { KernelString($0.name) })
        for (session, expected) in zip(sessions, expected.sessions) {
            try compare(session, expected)
        }
    }

    private func compare(_ session: SessionState, _ expected: ExpectedHandover.Session) throws {
        #expect(session.filesAddress?.rawValue == expected.files_pa.value, "\(expected.name)")
        #expect(session.count == expected.count, "\(expected.name)")
        let files = try #require(session.files)
        #expect(files.map(\.token) == expected.files.map(\.token.value), "\(expected.name)")
        #expect(files.map(\.data) == expected.files.map(\.data.value), "\(expected.name)")
        #expect(files.map(\.compatible) == expected.files.map { KernelString($0.compatible) }, "\(expected.name)")
        for (file, expected) in zip(files, expected.files) {
            let memfd = file.memfd
            #expect(memfd?.position == expected.memfd?.pos)
            #expect(memfd?.size == expected.memfd?.size)
            #expect(memfd?.seals == expected.memfd?.seals)
            #expect(memfd?.flags == expected.memfd?.flags)
            #expect(memfd?.folioCount == expected.memfd?.nr_folios)
            #expect(memfd?.vmalloc?.first?.rawValue == expected.memfd?.folios.first.value)
            #expect(memfd?.vmalloc?.totalPages == expected.memfd?.folios.total_pages)
            #expect(memfd?.vmalloc?.flags == expected.memfd?.folios.flags)
            #expect(memfd?.vmalloc?.order == expected.memfd?.folios.order)
            let list = expected.memfd?.list.map { FolioState(pfn: $0.pfn.value, flags: $0.flags, index: $0.index) }
            #expect(memfd?.folios == list)
        }
    }

    @Test(arguments: CapturedHandover.all) func documentIsTheState(_ capture: CapturedHandover) throws {
        let state = try capture.read().reading.state
        var text: [UInt8] = []
        var writer = DocumentWriter { text += copy $0 }
        writer.write(state)
        #expect(try DocumentReader.read(text) == state)
    }

    @Test(arguments: CapturedHandover.all) func everyExtentIsPreserved(_ capture: CapturedHandover) throws {
        let document = try capture.read()
        let summary = try #require(document.reading.state.preserved).summary(pageSize: document.pageSize)
        for extent in document.reading.extents where extent.role.isPreserved {
            #expect(summary.contains(extent.range), "\(extent)")
        }
        for extent in document.reading.extents where !extent.role.isPreserved {
            #expect(!summary.contains(extent.range), "\(extent)")
        }
    }

    @Test(arguments: CapturedHandover.all) func blobsAreTheSubtrees(_ capture: CapturedHandover) throws {
        let document = try capture.read()
        let subtrees = try #require(document.reading.state.kho?.subtrees)
        #expect(document.blobs.map(\.name) == ["kho"] + subtrees.map(\.name.repaired))
        #expect(document.blobs.dropFirst().map { UInt64($0.bytes.count) } == subtrees.map(\.size))
    }
}
