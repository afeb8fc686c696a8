import Foundation
import KernelABI
import SystemPackage
import TestSupport
import Testing

@testable import Handover

/// Handovers that would keep a careless reader busy forever, or make it allocate all memory.
@Suite(.timeLimit(.minutes(10))) struct BoundTests {
    private func built(_ name: String) throws -> HandoverImage {
        try #require(Corruption.all.first { $0.name == name }).build()
    }

    private func write(_ words: [UInt64], at address: UInt64, _ memory: inout SparseMemory) throws {
        let bytes = words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(8 * $0)) } }
        try memory.write(bytes, at: PhysicalAddress(address))
    }

    @Test func `a tree whose tables all lead to the next`() throws {
        var memory = try built("sound").memory
        let pages: [UInt64] = (0..<6).map { 0x2000_0000 + $0 * 4096 }
        for (page, next) in zip(pages, pages.dropFirst()) {
            try write(Array(repeating: next, count: 512), at: page, &memory)
        }
        try write(Array(repeating: .max, count: 512), at: pages[5], &memory)
        try write([pages[0]], at: 0x1000_0060, &memory)
        HostileMemory.readAll(memory, rootAt: PhysicalAddress(0x1000_0000))
    }

    @Test func `lists of folios that all claim all memory`() throws {
        var memory = try built("chain-sound").memory
        memory.allocate(PhysicalAddress(0x2000_0000)..<PhysicalAddress(0x2020_0000))
        // 65 memfds, each with a list of one entry of 2^40 pages, and 2^32 - 1 pages in total.
        let reading = try HandoverReader(memory: memory, pageSize: .kib4).read(rootAt: PhysicalAddress(0x1000_0000))
        for file in reading.state.luo?.sessions?.first?.files ?? [] {
            let data = try #require(file.data)
            let chunk = try #require(file.memfd?.vmalloc?.first)
            try write([.max], at: data + 24, &memory)
            try write([UInt64(UInt32.max) | 1 << 32 | 40 << 48], at: data + 40, &memory)
            try write([0, 0x2000_0000], at: chunk.rawValue, &memory)
        }
        HostileMemory.readAll(memory, rootAt: PhysicalAddress(0x1000_0000))
    }

    @Test func `sessions that all lead to one long chain`() throws {
        var memory = try built("chain-sound").memory
        // A chain of 300 blocks of files that loops, and 51 sessions that refer to it.
        for index in 0..<UInt64(300) {
            let address = 0x2000_0000 + index * 4096
            try write([index == 299 ? 0x2000_0000 : address + 4096, 63], at: address, &memory)
        }
        for index in 0..<UInt64(51) { try write([0x2000_0000, 63], at: 0x1000_4010 + index * 80 + 64, &memory) }
        let check = HandoverCheck(CheckSubject(memory: memory, rootAt: PhysicalAddress(0x1000_0000)))
        #expect(check.results.contains { $0.rule.name == "file-chain" })
    }

    @Test func `a memfd of any size without a list`() throws {
        for size in [UInt64.max, 1 << 63, 1 << 50] {
            var memory = try built("sound").memory
            try write([0, size], at: 0x1000_7000, &memory)
            try write([0x7f_0000_0000], at: 0x1000_7020, &memory)
            let reader = HandoverReader(memory: memory, pageSize: .kib4)
            let reading = try reader.read(rootAt: PhysicalAddress(0x1000_0000))
            #expect(reading.exactState(in: memory).luo?.sessions?.count == 3)
            HostileMemory.readAll(memory, rootAt: PhysicalAddress(0x1000_0000))
        }
    }

    /// A memfd of 2^52 bytes whose only folio, of 2^40 pages, covers all memory; found by a fuzzer.
    @Test func `a folio of any order in a file of any size`() throws {
        var document = HandoverState()
        document.kernel = "7.3"
        var memfd = MemFDState()
        memfd.size = 1 << 52
        memfd.folios = [FolioState(pfn: 1 << 40, flags: 3, index: 0)]
        var file = FileState()
        file.memfd = memfd
        var session = SessionState()
        session.name = "s"
        session.files = [file]
        document.luo = LUOState()
        document.luo?.sessions = [session]
        let planned = try HandoverPlanner.plan(document, sizeOfFile: noFiles)
        #expect(throws: WriteError.contentsTooLarge) {
            try HandoverImage(of: planned, contents: noContents)
        }
        let image = try HandoverImage(metadataOf: planned)
        let reading = try HandoverReader(memory: image.memory, pageSize: .kib4).read(
            rootAt: try #require(image.rootAddress))
        let read = try #require(reading.state.luo?.sessions?.first?.files?.first?.memfd)
        let contents = ContentsMap(of: read.file, preserved: reading.state.preserved, pageSize: .kib4)
        #expect(contents.runs == [ContentsMap.Run(index: 0, pfn: 1 << 40, count: 1 << 40)])
        HostileMemory.readAll(image.memory, rootAt: try #require(image.rootAddress))
    }

    @Test func `contents that are not at hand are named, and become a hole`() throws {
        let sound = try built("sound")
        let memfd = try #require(sound.state.luo?.sessions?.first?.files?.first?.memfd)
        let size = try #require(memfd.size)
        try withTemporaryFile([]) { (path) throws in
            let whole = ContentsOutput(of: memfd.file, in: sound.state, memory: sound.memory)
            #expect(try whole.write(to: Destination(path)) == [])
            let nothing = ContentsOutput(of: memfd.file, in: sound.state, memory: EmptyMemory())
            #expect(try nothing.write(to: Destination(path)) == [0..<size])
            #expect(try MappedFile(path: path).count == size)
        }
    }

    @Test func `a file for which too many folios would have to be created`() throws {
        var document = HandoverState()
        document.kernel = "7.3"
        var memfd = MemFDState()
        memfd.size = 1 << 40
        var file = FileState()
        file.memfd = memfd
        var session = SessionState()
        session.name = "s"
        session.files = [file]
        document.luo = LUOState()
        document.luo?.sessions = [session]
        let error = #expect(throws: PlanError.self) { try HandoverPlanner.plan(document, sizeOfFile: noFiles) }
        #expect(error?.problems.first?.path == ".luo.sessions[0].files[0].memfd.size")
    }
}
