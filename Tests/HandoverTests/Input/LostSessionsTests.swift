import Foundation
import KernelABI
import SystemPackage
import TestSupport
import Testing

@testable import Handover

/// Checks that unreferenced sessions are found.
///
/// `after-crash.elf` is part of the memory of a 7.3.4 that had received a handover and panicked before its session was
/// retrieved: the kernel had already freed `luo_ser` and the map of preserved memory.
@Suite struct LostSessionsTests {
    private static func searched(_ path: FilePath) throws -> HandoverInput {
        var options = InputOptions()
        options.searches = true
        return try HandoverInput(path, options: options)
    }

    @Test func `a session that was never retrieved is found after a crash`() throws {
        let path = Fixture.file("memory/after-crash.elf")
        #expect(try HandoverInput(path).documents.count == 1)
        let input = try Self.searched(path)
        #expect(input.documents.map(\.isFound) == [false, true])
        let found = input.documents[1]
        #expect(found.reading.findings.isEmpty)
        #expect(found.reading.state.luo?.sessions?.map(\.name) == ["vm-alpha"])
        #expect(found.reading.state.luo?.sessions?.first?.files?.map(\.token) == [0x42])
        #expect(
            found.notes.contains {
                $0.text == "session \"vm-alpha\", in the block at 0x6b7000: all its parts are consistent"
            })
        // The incoming root is distinguished from the one that the kernel prepared for its own successor.
        #expect(found.notes.contains { $0.name == "root 0x4c4000" })
    }

    @Test func `a handover that something leads to is not found again`() throws {
        for name in ["6.19/basic", "7.1/basic", "7.3/basic"] {
            let input = try Self.searched(CapturedHandover(name: name).path)
            #expect(input.documents.count == 1, "\(name)")
        }
    }

    @Test(arguments: ["6.19/basic", "7.1/basic", "7.3/basic"])
    func `without its root, all of a handover's sessions are found`(_ name: String) throws {
        let image = try CapturedHandover(name: name).read()
        let state = image.reading.state
        var memory = SparseMemory()
        for region in image.memory.regions {
            let count = Int(region.upperBound.rawValue - region.lowerBound.rawValue)
            try memory.write(try image.memory.copy(at: region.lowerBound.rawValue, count: count), at: region.lowerBound)
        }
        let generation = try #require(state.generation)
        let lost = LostSessions(
            in: memory, pageSize: .kib4, generation: generation, known: [], progress: { _, _ in })
        #expect(lost.reading.state.luo?.sessions == state.luo?.sessions)
        #expect(lost.reading.state.luo?.flbs == state.luo?.flbs)
        #expect(lost.reading.findings.isEmpty)

        // Without the sessions' block, their files are found.
        memory.removePage(at: try #require(state.luo?.sessionsAddress))
        let files = LostSessions(
            in: memory, pageSize: .kib4, generation: generation, known: [], progress: { _, _ in })
        let wanted = (state.luo?.sessions ?? []).filter { !($0.files ?? []).isEmpty }
        #expect(files.reading.state.luo?.sessions?.map(\.files) == wanted.map(\.files))
        #expect(
            files.reading.state.luo?.sessions?.map(\.name.repaired)
                == wanted.compactMap(\.filesAddress).map { "found at \($0)" })

        // Without these, the memfds are still found.
        for session in wanted { memory.removePage(at: try #require(session.filesAddress)) }
        let memfds = LostSessions(
            in: memory, pageSize: .kib4, generation: generation, known: [], progress: { _, _ in })
        let tokens = wanted.flatMap { ($0.files ?? []).compactMap(\.data) }.sorted()
        #expect((memfds.reading.state.luo?.sessions ?? []).flatMap { ($0.files ?? []).map(\.token) }.sorted() == tokens)
    }
}
