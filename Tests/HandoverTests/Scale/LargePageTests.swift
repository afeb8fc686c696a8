import Foundation
import KernelABI
import Testing

@testable import Handover

/// Structures that take more than one page, block or chunk, for every page size.
@Suite struct LargePageTests {
    /// Builds a document, reads it, and builds it again from the result: both images must be the same.
    private func expectRoundTrip(_ state: HandoverState, pageSize: PageSize) throws -> HandoverState {
        let planned = try HandoverPlanner.plan(state, sizeOfFile: noFiles)
        let image = try HandoverImage(of: planned, contents: noContents)
        let reading = try HandoverReader(memory: image.memory, pageSize: pageSize).read(
            rootAt: try #require(image.rootAddress))
        #expect(reading.findings == [])
        #expect(reading.state.luo == planned.luo)
        #expect(reading.state.preserved == planned.preserved)

        let again = try HandoverPlanner.plan(reading.state, sizeOfFile: noFiles)
        let copy = try HandoverImage(of: again, contents: noContents)
        #expect(copy.extents.map(\.address) == image.extents.map(\.address))
        for extent in image.extents where extent.role.isMetadata {
            let made = try copy.memory.withBytes(at: extent.address, count: extent.byteCount) { Data($0) }
            let first = try image.memory.withBytes(at: extent.address, count: extent.byteCount) { Data($0) }
            #expect(made == first, "\(extent.role) of \(extent.owner) at \(extent.address)")
        }
        let subject = CheckSubject(
            memory: image.memory, rootAt: try #require(image.rootAddress), pageSize: pageSize)
        var options = HandoverCheck.Options()
        options.handlers = ["test-v1"]
        let check = HandoverCheck(subject, options: options)
        #expect(check.verdict == .accepted, "\(check.results.map(\.finding).prefix(3))")
        return planned
    }

    private func document(_ kernel: String, _ pageSize: PageSize, _ sessions: [SessionState]) -> HandoverState {
        var state = HandoverState()
        state.kernel = kernel
        state.pageSize = pageSize
        state.luo = LUOState()
        state.luo?.sessions = sessions
        return state
    }

    private func session(_ name: String, _ files: [FileState] = []) -> SessionState {
        var session = SessionState()
        session.name = KernelString(name)
        session.files = files
        return session
    }

    private func files(_ count: Int) -> [FileState] {
        (0..<count).map { index in
            var file = FileState()
            file.token = UInt64(index)
            file.compatible = "test-v1"
            file.data = UInt64(index) << 12
            return file
        }
    }

    // MARK: - Records

    /// Two full blocks plus one record, of sessions and of files.
    @Test(arguments: PageSize.allCases)
    func `chains of three blocks`(_ pageSize: PageSize) throws {
        let luo = try #require(Generation.v7_2.luo)
        let sessionsPerBlock = luo.sessions.capacity(pageSize: pageSize)
        let filesPerBlock = luo.files.capacity(pageSize: pageSize)
        #expect(sessionsPerBlock == (pageSize.bytes - 16) / 80)
        #expect(filesPerBlock == (pageSize.bytes - 16) / 64)
        var sessions = (0..<2 * sessionsPerBlock).map { session("session \($0)") }
        sessions.append(session("the last", files(2 * filesPerBlock + 1)))
        let planned = try expectRoundTrip(document("7.3", pageSize, sessions), pageSize: pageSize)
        #expect(planned.luo?.blocks?.map(\.count) == [sessionsPerBlock, sessionsPerBlock, 1].map(UInt64.init))
        #expect(
            planned.luo?.sessions?.last?.blocks?.map(\.count) == [filesPerBlock, filesPerBlock, 1].map(UInt64.init))
    }

    /// `luo-v1`: 16 pages of sessions and 2 of files, completely full; one more is rejected.
    @Test(arguments: PageSize.allCases)
    func `full arrays`(_ pageSize: PageSize) throws {
        let luo = try #require(Generation.v7_1.luo)
        let sessionLimit = luo.sessions.capacity(pageSize: pageSize)
        let fileLimit = luo.files.capacity(pageSize: pageSize)
        #expect(sessionLimit == (16 * pageSize.bytes - 8) / 80)
        #expect(fileLimit == 2 * pageSize.bytes / 64)
        var sessions = (1..<sessionLimit).map { session("session \($0)") }
        sessions.append(session("the last", files(fileLimit)))
        _ = try expectRoundTrip(document("7.1", pageSize, sessions), pageSize: pageSize)

        let tooMany = [session("s", files(fileLimit + 1))]
        let error = #expect(throws: PlanError.self) {
            try HandoverPlanner.plan(document("7.1", pageSize, tooMany), sizeOfFile: noFiles)
        }
        #expect(error?.problems.map(\.path) == [".luo.sessions[0].files"])
    }

    @Test(arguments: PageSize.allCases)
    func `a full page of FLBs`(_ pageSize: PageSize) throws {
        let limit = (pageSize.bytes - 16) / 64
        var state = document("7.3", pageSize, [])
        state.luo?.flbs = (0..<limit).map { index in
            var flb = FLBState()
            flb.name = KernelString("flb \(index)")
            flb.count = UInt64(index + 1)
            return flb
        }
        _ = try expectRoundTrip(state, pageSize: pageSize)
        state.luo?.flbs?.append(FLBState())
        let error = #expect(throws: PlanError.self) { try HandoverPlanner.plan(state, sizeOfFile: noFiles) }
        #expect(error?.problems.first?.problem.contains("LUO_FLB_MAX is \(limit)") == true)
    }

    // MARK: - Lists of folios

    private func memfd(folios: Int, _ vmalloc: VmallocState, _ pageSize: PageSize) -> FileState {
        var memfd = MemFDState()
        memfd.size = UInt64(folios * pageSize.bytes)
        memfd.vmalloc = vmalloc
        var file = FileState()
        file.memfd = memfd
        return file
    }

    /// Partly filled chunks, which no kernel writes but every kernel reads.
    @Test(arguments: PageSize.allCases)
    func `a list of folios in several chunks`(_ pageSize: PageSize) throws {
        let perPage = pageSize.bytes / 16
        var vmalloc = VmallocState()
        vmalloc.chunks = [2, 1, 2].map { count in
            VmallocState.Chunk(
                address: nil, pages: [PhysicalAddress](repeating: HandoverPlanner.unassigned, count: count))
        }
        let folios = 4 * perPage + 1
        let planned = try expectRoundTrip(
            document("7.3", pageSize, [session("s", [memfd(folios: folios, vmalloc, pageSize)])]), pageSize: pageSize)
        let made = try #require(planned.luo?.sessions?.first?.files?.first?.memfd)
        #expect(made.folioCount == UInt64(folios))
        #expect(made.vmalloc?.totalPages == 5)
        #expect(made.vmalloc?.chunks?.map(\.pages.count) == [2, 1, 2])
        #expect(Set(made.vmalloc?.chunks?.flatMap(\.pages) ?? []).count == 5)
    }

    /// Entries that represent eight pages each.
    @Test(arguments: PageSize.allCases)
    func `a list of folios in large pages`(_ pageSize: PageSize) throws {
        let perPage = pageSize.bytes / 16
        var vmalloc = VmallocState()
        vmalloc.order = 3
        vmalloc.flags = 3
        let planned = try expectRoundTrip(
            document("7.3", pageSize, [session("s", [memfd(folios: 8 * perPage + 1, vmalloc, pageSize)])]),
            pageSize: pageSize)
        let made = try #require(planned.luo?.sessions?.first?.files?.first?.memfd?.vmalloc)
        #expect(made.totalPages == 16)
        let pages = made.chunks?.flatMap(\.pages) ?? []
        #expect(pages.count == 2)
        #expect(pages.allSatisfy { $0.rawValue % UInt64(8 * pageSize.bytes) == 0 })
    }

    /// A full chunk, continued in the next one: 130,817 folios of small pages.
    @Test func `a list of folios longer than a chunk`() throws {
        let folios = 511 * 256 + 1
        let planned = try HandoverPlanner.plan(
            document("7.3", .kib4, [session("s", [memfd(folios: folios, VmallocState(), .kib4)])]),
            sizeOfFile: noFiles)
        let made = try #require(planned.luo?.sessions?.first?.files?.first?.memfd)
        #expect(made.vmalloc?.chunks?.map(\.pages.count) == [511, 1])
        let image = try HandoverImage(of: planned, contents: noContents)
        let reading = try HandoverReader(memory: image.memory, pageSize: .kib4).read(
            rootAt: try #require(image.rootAddress))
        #expect(reading.findings == [])
        let read = try #require(reading.state.luo?.sessions?.first?.files?.first?.memfd)
        #expect(read.vmalloc == made.vmalloc)
        #expect(read.folios?.count == folios)
        #expect(read.folios?.last?.index == UInt64(folios - 1))
    }

    /// A chunk lists as many pages as fit after the link, for any page size.
    @Test(arguments: zip(PageSize.allCases, [511, 2047, 8191]))
    func `the room of a chunk`(_ pageSize: PageSize, _ pages: Int) {
        #expect(VmallocChunkLayout.layout(pageSize).pages.count == pages)
    }
}
