import Foundation
import KernelABI
import SystemPackage
import TestSupport
import Testing

@testable import Handover

@Suite struct DiffTests {
    private func side(_ image: String) throws -> HandoverDiff.Side {
        let input = try HandoverInput(CapturedHandover(name: image).path)
        let document = try #require(input.documents.first)
        return HandoverDiff.Side(document)
    }

    private func changes(_ change: (inout HandoverState) -> Void, ignoringAddresses: Bool = false) throws -> [String] {
        let before = try side("7.3/basic")
        var after = before
        change(&after.state)
        return HandoverDiff(before, after, ignoringAddresses: ignoringAddresses).changes.map(\.description)
    }

    @Test(arguments: CapturedHandover.names)
    func `a handover is the same as itself`(image: String) throws {
        #expect(HandoverDiff(try side(image), try side(image)).isEmpty)
    }

    @Test func `sessions and files are told by name and token`() throws {
        #expect(try changes { $0.luo?.sessions?.removeLast() } == ["- session \"empty\": 0 files"])
        #expect(
            try changes { state in
                state.luo?.sessions?[0].files?[0].memfd?.size = 1
                state.luo?.sessions?[0].files?[1].token = 0x99
            } == [
                "~ session \"vm-alpha\", file 0x1000, size: 4096 -> 1",
                "- session \"vm-alpha\", file 0x1001: memfd of 8192 bytes",
                "+ session \"vm-alpha\", file 0x99: memfd of 8192 bytes",
            ])
    }

    @Test func `FLBs and regions are told by name`() throws {
        #expect(
            try changes { state in
                state.luo?.flbs?[0].count = 9
                state.memblock?.regions?[0].size = 4096
            } == ["~ FLB \"liveupdate-test-flb-v0\", count: 4 -> 9", "~ region \"testblk\", size: 65536 -> 4096"])
    }

    /// A part of a state such as a later kernel may have, of which nothing but its form is known.
    private struct Part: DocumentObject {
        var size: UInt64?
        var place: PhysicalAddress?
        var names: [KernelString]?
        var blocks: [BlockState]?
        var bytes: [UInt8] = []

        static let form = ObjectForm<Part>(
            "part", "a part",
            [
                .ifKnown("size", { $0.size }, { $0.size = $1 }, "its size"),
                .ifKnown("place", { $0.place }, { $0.place = $1 }, "where it is"),
                .ifKnown("names", { $0.names }, { $0.names = $1 }, "names"),
                .ifKnown("blocks", { $0.blocks }, { $0.blocks = $1 }, "blocks"),
                .always("bytes", { $0.bytes }, { $0.bytes = $1 }, BytesCodec(), "bytes"),
            ])
    }

    @Test func `a member of a form is compared by what it is`() {
        let before = Part(
            size: 1, place: PhysicalAddress(0x1000), names: ["a"],
            blocks: [BlockState(address: nil, count: 3)], bytes: [1, 2])
        let after = Part(
            size: 2, place: nil, names: ["a", "b"], blocks: [BlockState(address: nil, count: 4)], bytes: [1, 3])
        var side = HandoverDiff.Side(state: HandoverState())
        side.absence = .missing
        var comparison = Comparison(before: side, after: side, ignoringContents: false)
        Part.form.compare(.init(before, before, .init("part")), by: &comparison)
        #expect(comparison.changes.isEmpty)
        Part.form.compare(.init(before, after, .init("part")), by: &comparison)
        #expect(
            comparison.changes.map(\.description) == [
                "~ part, size: 1 -> 2", "~ part, place: 0x1000 -> missing", "~ part, names: 1 -> 2",
                "~ part, blocks, records in blocks: 3 -> 4",
                "~ part, bytes: +0x1 02 … (2 bytes) -> +0x1 03 … (2 bytes)",
            ])
        #expect(comparison.changes.filter(\.isLayout).count == 2)
    }

    @Test func `addresses come last, and can be ignored`() throws {
        let move: (inout HandoverState) -> Void = { state in
            state.kho?.fdtAddress = PhysicalAddress(0x1000)
            state.luo?.liveUpdateNumber = 7
        }
        let all = try changes(move)
        #expect(all.count == 2)
        #expect(all.first == "~ number of live updates: 1 -> 7")
        #expect(try changes(move, ignoringAddresses: true) == ["~ number of live updates: 1 -> 7"])
    }

    @Test func `a handover that is built elsewhere is the same but for its addresses`() throws {
        let before = try side("7.3/names")
        var state = before.state
        state.kho = nil
        state.preserved = nil
        state.luo?.sessionsAddress = nil
        state.luo?.flbAddress = nil
        state.luo?.blocks = nil
        for index in (state.luo?.sessions ?? []).indices {
            state.luo?.sessions?[index].filesAddress = nil
            state.luo?.sessions?[index].blocks = nil
            for place in (state.luo?.sessions?[index].files ?? []).indices {
                state.luo?.sessions?[index].files?[place].data = nil
                state.luo?.sessions?[index].files?[place].memfd?.folios = nil
                state.luo?.sessions?[index].files?[place].memfd?.vmalloc = nil
                state.luo?.sessions?[index].files?[place].memfd?.folioCount = nil
            }
        }
        for index in (state.memblock?.regions ?? []).indices { state.memblock?.regions?[index].start = nil }
        let planned = try HandoverPlanner.plan(state) { _ throws(FileError) in 0 }
        let diff = HandoverDiff(
            HandoverDiff.Side(state: before.state), HandoverDiff.Side(state: planned), ignoringAddresses: true)
        #expect(diff.changes.map(\.description).filter { !$0.contains("subtree") } == [])
        #expect(!HandoverDiff(HandoverDiff.Side(state: before.state), HandoverDiff.Side(state: planned)).isEmpty)
    }

    @Test func `a document is the same as what is built from it`() throws {
        let text = #"{"sessions": [{"name": "s"}], "reserve_mem": [{"name": "r", "size": 4096}]}"#
        let state = try DocumentReader.read(Array(text.utf8))
        let planned = try HandoverPlanner.plan(state) { _ throws(FileError) in 0 }
        let image = try HandoverImage(of: planned) { _ throws(FileError) in MappedFile(bytes: [], name: "") }
        let (document, built) = try (
            HandoverDiff.Side(state: state), side(of: image.memory, rootAt: #require(image.rootAddress))
        )
        #expect(HandoverDiff(document, built).changes.map(\.description) == [])
        #expect(HandoverDiff(built, document).changes.map(\.description) == [])
    }

    /// With a document that gives the contents in some form, and with one that does not.
    @Test func `what a document gives is compared with what memory holds`() throws {
        func side(_ text: String) throws -> HandoverDiff.Side {
            HandoverDiff.Side(try DocumentReader.read(Array(text.utf8))) { _ in
                MappedFile(bytes: Array("hello".utf8), name: "hello")
            }
        }
        func document(_ content: String) -> String {
            #"{"sessions": [{"name": "s", "files": [{"token": 1, "memfd": {"size": 5000, \#(content)}}]}]}"#
        }
        let planned = try HandoverPlanner.plan(DocumentReader.read(Array(document(#""text": "hello""#).utf8))) {
            _ throws(FileError) in 0
        }
        let image = try HandoverImage(of: planned) { _ throws(FileError) in MappedFile(bytes: [], name: "") }
        let built = try self.side(of: image.memory, rootAt: #require(image.rootAddress))
        for same in [#""text": "hello""#, #""base64": "aGVsbG8=""#, #""content": "hello""#] {
            let diff = HandoverDiff(try side(document(same)), built)
            #expect(diff.isEmpty && diff.uncompared.isEmpty, "\(same): \(diff)")
        }
        let other = HandoverDiff(built, try side(document(#""text": "HELLO""#)))
        let file = #"session "s", file 0x1, contents of"#
        #expect(other.changes.map(\.description) == ["~ \(file) 1 page, the first being page 0"])
        let folios = #""folios": [{"pfn": "0x10008", "flags": 3, "index": 0}]"#
        let open = HandoverDiff(built, try side(document(folios)), ignoringAddresses: true)
        #expect(open.uncompared.map(\.description).contains("? \(file) 2 pages: not in the second input"))
        #expect(
            HandoverDiff(built, try side(document(folios)), ignoringAddresses: true, ignoringContents: true)
                .uncompared.isEmpty)
        // In the form used by dump --contents.
        var exact = planned
        let residue = try Capture(image).contents()
        exact.residue = residue
        let dumped = HandoverDiff.Side(exact) { _ in MappedFile(bytes: [], name: "") }
        let diff = HandoverDiff(dumped, built)
        #expect(diff.isEmpty && diff.uncompared.isEmpty, "\(diff)")
    }

    @Test func `contents are compared page by page`() throws {
        let corruption = try #require(Corruption.all.first { $0.name == "sound" })
        var changed = corruption
        let patch = #"[{"pa": "0x1000d010", "text": "x"}]"#
        changed.patches = try JSONDecoder().decode([Corruption.Patch].self, from: Data(patch.utf8))
        let sides = try [corruption, changed].map { corruption in
            let image = try corruption.build()
            let reader = HandoverReader(memory: image.memory, pageSize: .kib4)
            let reading = try reader.read(rootAt: try #require(image.rootAddress))
            return HandoverDiff.Side(state: reading.state, memory: image.memory)
        }
        #expect(
            HandoverDiff(sides[0], sides[1]).changes.map(\.description) == [
                "~ session \"alpha\", file 0x2, contents of 1 page, the first being page 1"
            ])
    }

    /// A side of a comparison, with the handover in a memory.
    private func side(
        of memory: some PhysicalMemory, rootAt root: PhysicalAddress, pageSize: PageSize = .kib4
    ) throws -> HandoverDiff.Side {
        let reading = try HandoverReader(memory: memory, pageSize: pageSize).read(rootAt: root)
        return HandoverDiff.Side(HandoverDocument(reading: reading, memory: memory, blobs: [], pageSize: pageSize))
    }

    /// Flips every n-th bit, as each flip takes as long as reading a handover. `LUO_FDT_FLIPS=1` flips all.
    private static let stride = Int(ProcessInfo.processInfo.environment["LUO_FDT_FLIPS"] ?? "")

    /// Flips bits of `ranges` one at a time, and expects each to be a difference.
    private func flip(
        bitsOf ranges: [Range<PhysicalAddress>], of image: some PhysicalMemory, rootAt root: PhysicalAddress,
        pageSize: PageSize, stride: Int, withZeros: Bool = true
    ) throws {
        let sound = try side(of: image, rootAt: root, pageSize: pageSize)
        var (seen, flips, unnoticed) = (0, 0, [String]())
        for range in ranges {
            let count = Int(range.upperBound.rawValue - range.lowerBound.rawValue)
            guard let bytes = image.copy(at: range.lowerBound, count: count) else { continue }
            for bit in 0..<count * 8 {
                guard withZeros || bytes[bit / 8] != 0 else { continue }
                seen += 1
                guard seen % stride == 0 else { continue }
                let address = try #require(range.lowerBound.advanced(by: UInt64(bit / 8)))
                flips += 1
                let memory = try image.changed([bytes[bit / 8] ^ 1 << UInt8(bit % 8)], at: address)
                guard let damaged = try? side(of: memory, rootAt: root, pageSize: pageSize) else { continue }
                if HandoverDiff(sound, damaged).isEmpty { unnoticed.append("\(address) bit \(bit % 8)") }
            }
        }
        #expect(unnoticed.isEmpty, "\(unnoticed.count) of \(flips): \(unnoticed.prefix(20))")
        #expect(flips > 5)
        if Self.stride != nil { print("\(flips) bits of \(seen) flipped, \(unnoticed.count) unnoticed") }
    }

    @Test(arguments: CapturedHandover.names)
    func `no bit of what describes a handover can change unnoticed`(image: String) throws {
        let document = try #require(try HandoverInput(CapturedHandover(name: image).path).documents.first)
        let root = try #require(document.reading.state.kho?.fdtAddress)
        let ranges = document.reading.extents.map(\.range)
        let bits = ranges.reduce(0) { $0 + Int($1.upperBound.rawValue - $1.lowerBound.rawValue) * 8 }
        try flip(
            bitsOf: ranges, of: document.memory, rootAt: root, pageSize: document.pageSize,
            stride: Self.stride ?? max(bits / 8 | 1, 1))
    }

    @Test func `no bit of a payload can change unnoticed`() throws {
        let image = try #require(Corruption.all.first { $0.name == "sound" }).build()
        let root = try #require(image.rootAddress)
        let preserved = try side(of: image.memory, rootAt: root).state.preserved?.ranges ?? []
        // Bytes after the end of a tree or file, in its last page, belong to nothing.
        try flip(
            bitsOf: preserved, of: image.memory, rootAt: root, pageSize: .kib4, stride: Self.stride ?? 97,
            withZeros: false)
    }

    @Test func `what an input does not show is said, and is no difference`() throws {
        let sender = try HandoverInput(
            Fixture.file("captures/7.3/debugfs/sender/out")
        ).documents[0]
        let diff = HandoverDiff(HandoverDiff.Side(sender), HandoverDiff.Side(sender))
        #expect(diff.isEmpty)
        #expect(diff.uncompared.contains { $0.subject == "sessions" && !$0.isInBefore && !$0.isInAfter })
    }

    @Test(
        arguments: [
            ([0..<10, 20..<30], [5..<22], [0..<5, 22..<30]), ([0..<10], [], [0..<10]), ([0..<10], [0..<10], []),
            ([4..<8], [0..<5, 6..<7], [5..<6, 7..<8]),
        ] as [([Range<UInt64>], [Range<UInt64>], [Range<UInt64>])])
    func `ranges are subtracted`(all: [Range<UInt64>], others: [Range<UInt64>], rest: [Range<UInt64>]) {
        func ranges(_ list: [Range<UInt64>]) -> [Range<PhysicalAddress>] {
            list.map { PhysicalAddress($0.lowerBound)..<PhysicalAddress($0.upperBound) }
        }
        #expect(ranges(all).flatMap { $0.pieces(notIn: ranges(others)) } == ranges(rest))
    }
}
