import FDT
import SystemPackage
import TestSupport
import Testing

@testable import Handover
@testable import KernelABI
@testable import luo_fdt

extension Generation {
    /// A made-up generation: names with parts, wider fields, and unknown fields.
    fileprivate static let v9_0 = Generation(
        name: "9.0",
        releases: [Release(9, 0)],
        root: RootTree(
            compatible: "kho-v5;radix-v1", addressProperty: "preserved-data", sizeProperty: "blob-size",
            construction: .edited, alignsBlocks: true),
        preservedMap: .radixTree,
        luo: LUOState(
            compatible: "luo-v6;block-v1",
            form: .record(.v6),
            sessions: .blocks(of: .v2),
            files: .blocks(of: .v2),
            flbs: .page(of: .v2)),
        fileHandlers: v7_2.fileHandlers,
        kexecMetadata: v7_2.kexecMetadata)

    fileprivate static let withNew = known + [v9_0]
}

extension LUOLayout {
    fileprivate static let v6 = LUOLayout { builder in
        let compatible = builder.characters("compatible", count: 48, "The version of this ABI.")
        let number = builder.number("liveupdate_num", UInt64.self, .number, "How many live updates there have been.")
        _ = builder.number("flags", UInt32.self, .flags(["sealed"]), "What is so of all sessions.")
        return (
            compatible, number, builder.address("sessions_pa", of: "kho_block_header_ser", "The sessions."),
            builder.address("flbs_pa", of: "luo_flb_header_ser", "The FLBs.")
        )
    }
}

extension SessionLayout {
    fileprivate static let v2 = SessionLayout { builder in
        let name = builder.characters("name", count: 96, "The session's unique name.")
        _ = builder.number("owner", UInt64.self, .handle, "Who may retrieve it.")
        let fileSet = builder.nested("file_set_ser", FileSetLayout.layout, "The session's files.")
        _ = builder.characters("label", count: 16, "What people call it.")
        _ = builder.words("reserved", count: 2, .bitmap, "Not in use.")
        return (name, fileSet)
    }
}

extension FileLayout {
    fileprivate static let v2 = FileLayout { builder in
        _ = builder.number("mode", UInt16.self, .number, "The file's mode.")
        let compatible = builder.characters("compatible", count: 80, "The handler's name.")
        _ = builder.bitFields([("kind", 4, .number, "Its kind."), ("uses", 60, .count, "How often it was given.")])
        let data = builder.number("data", UInt64.self, .handle, "The handler's handle.")
        return (compatible, data, builder.number("token", UInt64.self, .handle, "Identifies the file."))
    }
}

extension FLBLayout {
    fileprivate static let v2 = FLBLayout { builder in
        let name = builder.characters("name", count: 64, "The object's name.")
        let data = builder.number("data", UInt64.self, .handle, "The object's handle.")
        let count = builder.number("count", UInt64.self, .count, "The number of files.")
        _ = builder.number("users", UInt64.self, .count, "The number of its users.")
        return (name, data, count)
    }
}

/// A generation is data: a generation with wider records and more fields needs no code.
@Suite struct NewGenerationTests {
    private static let longName = String(repeating: "n", count: 95)
    private static let longHandler = String(repeating: "h", count: 75) + "-v1"

    private static let unknown = "has no such field in luo_session_ser, or it is given elsewhere"

    private static let document = """
        { "kernel": "9.0",
          "luo": { "liveupdate_number": 7, "further": { "flags": "0x5" },
            "sessions": [
              { "name": "\(longName)", "further": { "owner": "0xfeedfacecafebeef", "label": "the first" },
                "files": [
                  { "token": 1, "memfd": { "size": 5000, "text": "hello" }, "further": { "mode": 438, "kind": 15 } },
                  { "token": 2, "compatible": "\(longHandler)", "data": 3, "further": { "uses": "0xfffffffffffffff" } },
                  { "token": 3, "compatible": "\(longHandler)", "data": 4 } ] },
              { "name": "odd",
                "further": { "label": { "base64": "/w==" }, "reserved": { "base64": "AAAAAAAAAAAB" } } } ],
            "flbs": [ { "name": "flb-\(longName.prefix(59))", "data": 9, "count": 1, "further": { "users": 2 } } ] } }
        """

    private func state(_ text: String = document) throws -> HandoverState {
        try DocumentReader.read(Array(text.utf8), generations: Generation.withNew)
    }

    private func image(
        _ state: HandoverState, pageSize: PageSize = .kib4, force: Bool = false
    ) throws -> HandoverImage {
        var state = state
        state.pageSize = pageSize
        var options = HandoverPlanner.Options()
        options.force = force
        let plan = try HandoverPlanner.plan(state, options: options) { _ throws(FileError) in 0 }
        return try HandoverImage(of: plan) { _ throws(FileError) in MappedFile(bytes: [], name: "") }
    }

    /// What the command reads from the image, without being told the generation.
    private func read(
        _ image: HandoverImage, among generations: [Generation] = Generation.withNew
    ) throws -> HandoverDocument {
        let directory = try TemporaryPath()
        let path = FilePath(directory.path).appending("handover.elf")
        try OutputForm.elf.write(Capture(image), to: Destination(path))
        var options = InputOptions()
        options.generations = generations
        return try HandoverInput(path, options: options).documents[0]
    }

    private func json(_ state: HandoverState) -> [UInt8] {
        var text: [UInt8] = []
        var writer = DocumentWriter { text += $0 }
        writer.write(state)
        return text
    }

    @Test(arguments: PageSize.allCases)
    func `an image is built, read, and built again with the same bytes`(pageSize: PageSize) throws {
        let image = try image(state(), pageSize: pageSize)
        let document = try read(image)
        #expect(document.reading.findings == [])
        let exact = document.reading.exactState(in: document.memory)
        #expect(exact.kernel == "9.0")
        #expect(exact.residue == nil)
        let luo = try #require(exact.luo)
        #expect(luo.compatible == "luo-v6;block-v1")
        #expect(luo.further == ["flags": "0x5"])
        let sessions = try #require(luo.sessions)
        #expect(sessions.map(\.name) == [KernelString(Self.longName), "odd"])
        #expect(
            sessions[0].further == [
                "owner": "0xfeedfacecafebeef", "label": "the first", "reserved": ["base64": "AAAAAAAAAAAAAAAAAAAAAA=="],
            ])
        #expect(
            sessions[1].further == [
                "owner": "0x0", "label": ["base64": "/wAAAAAAAAAAAAAAAAAAAA=="],
                "reserved": ["base64": "AAAAAAAAAAABAAAAAAAAAA=="],
            ])
        let files = try #require(sessions[0].files)
        #expect(
            files.map(\.compatible) == ["memfd-v2", KernelString(Self.longHandler), KernelString(Self.longHandler)])
        #expect(
            files.map(\.further) == [
                ["mode": 438, "kind": 15, "uses": 0], ["mode": 0, "kind": 0, "uses": "0xfffffffffffffff"],
                ["mode": 0, "kind": 0, "uses": 0],
            ])
        #expect(luo.flbs?.map(\.further) == [["users": 2]])

        let again = try DocumentReader.read(json(exact), generations: Generation.withNew)
        #expect(again == exact)
        let rebuilt = try self.image(again, pageSize: pageSize)
        for extent in document.reading.extents where extent.role.isMetadata {
            let bytes = image.memory.copy(at: extent.address, count: extent.byteCount)
            #expect(bytes != nil && rebuilt.memory.copy(at: extent.address, count: extent.byteCount) == bytes)
        }
    }

    @Test func `the tree and hex show the fields`() throws {
        let document = try read(image(state()))
        let tree = text { TreeRenderer().render(document.reading, to: &$0) }
        for shown in [
            "Handover of kernel 9.0", "live update 7  luo-v6;block-v1  flags 0x5", "owner 0xfeedfacecafebeef",
            "label \"the first\"", "mode 438", "kind 15", "uses 0xfffffffffffffff", "users 2",
        ] {
            #expect(tree.contains(shown), "\(shown) in \(tree)")
        }
        let hex = text { sink in
            document.forEachPiece { piece in
                let renderer = HexRenderer()
                renderer.render(piece.title, address: piece.address, bytes: piece.bytes, form: piece.form, to: &sink)
            }
        }
        for shown in [
            "luo_ser.flags", "luo_session_ser[0].owner", "luo_session_ser[0].label", "luo_session_ser[1].reserved",
            "luo_file_ser[2].mode", "luo_file_ser[1].uses", "luo_flb_ser[0].users", "\"\(Self.longName)\"",
        ] {
            #expect(hex.contains(shown), "\(shown)")
        }
        #expect(!hex.contains("slack"))
        let layout = LayoutTable(generation: .v9_0, pageSize: .kib4).text
        #expect(layout.contains("sessions: 260000 (26 luo_session_ser in a page, 10000 blocks)"))
        #expect(layout.contains("files of a session: 380000 (38 luo_file_ser in a page, 10000 blocks)"))
    }

    @Test func `a search finds the records`() throws {
        let image = try image(state())
        let lost = LostSessions(in: image.memory, pageSize: .kib4, generation: .v9_0, known: []) { _, _ in }
        let sessions = try #require(lost.reading.state.luo?.sessions)
        #expect(sessions.map(\.name) == [KernelString(Self.longName), "odd"])
        #expect(lost.reading.state.luo?.flbs?.count == 1)
    }

    @Test func `LUO's structure by itself is recognised by its name`() throws {
        let image = try image(state())
        let subtree = try #require(image.state.kho?.subtrees?.first { $0.name == "LUO" })
        let size = LUOLayout.v6.structure.size
        let page = try #require(subtree.address.flatMap { image.memory.copy(at: $0, count: 4096) })
        let file = try TemporaryPath(page)
        var options = InputOptions()
        options.generations = Generation.withNew
        let input = try HandoverInput(FilePath(file.path), options: options)
        #expect(input.kind == "luo")
        #expect(input.documents[0].blobs[0].bytes.count == size)
        #expect(input.documents[0].reading.state.luo?.further == ["flags": "0x5"])
    }

    @Test func `check takes it, and holds names against the whole of a name of parts`() throws {
        var options = HandoverCheck.Options()
        options.handlers = [Self.longHandler]
        let sound = HandoverCheck(CheckSubject(try read(image(state()))), options: options)
        #expect(sound.verdict == .accepted)
        #expect(sound.results.filter { $0.severity == .error }.isEmpty)
        for name in ["luo-v6;block-v2", "luo-v6", "luo-v6;block-v1;more"] {
            var state = try state()
            state.luo?.compatible = KernelString(name)
            let check = HandoverCheck(CheckSubject(try read(image(state))), options: options)
            #expect(check.verdict == .panic, "\(name)")
            #expect(check.results.contains { $0.rule.name == "luo-compatible" }, "\(name)")
        }
        var state = try state()
        state.luo?.sessions?[1].name = KernelString(Self.longName)
        let twice = HandoverCheck(CheckSubject(try read(image(state, force: true))), options: options)
        #expect(twice.results.filter { $0.severity == .error }.map(\.rule.name) == ["session-duplicate"])
        #expect(HandoverCheck(from: .v9_0, to: .v7_2).verdict == .ignored)
    }

    @Test func `diff names the field that changed`() throws {
        var state = try state()
        state.luo?.further = ["flags": 4]
        state.luo?.sessions?[0].further = ["owner": 1, "label": "the first"]
        state.luo?.sessions?[0].files?[2].further = ["mode": 1]
        state.luo?.flbs?[0].further = nil
        let (before, after) = try (read(image(self.state())), read(image(state)))
        let diff = HandoverDiff(HandoverDiff.Side(before), HandoverDiff.Side(after))
        #expect(
            diff.changes.map(\.description) == [
                "~ LUO, flags: 0x5 -> 0x4", "~ session \"\(Self.longName)\", owner: 0xfeedfacecafebeef -> 0x1",
                "~ session \"\(Self.longName)\", file 0x3, mode: 0 -> 1",
                "~ FLB \"flb-\(Self.longName.prefix(59))\", users: 2 -> 0",
            ])
    }

    @Test func `limits are those of the generation, and its kernels refuse what does not fit`() throws {
        func problems(_ change: (inout HandoverState) -> Void) throws -> [String] {
            var state = try state()
            change(&state)
            do throws(PlanError) {
                _ = try HandoverPlanner.plan(state) { _ throws(FileError) in 0 }
                return []
            } catch {
                return error.problems.map { "\($0.path): \($0.problem)" }
            }
        }
        #expect(try problems { _ in } == [])
        #expect(
            try problems { $0.luo?.sessions?[0].name = KernelString(Self.longName + "n") }.map { $0.suffix(63) }
                == ["has 96 bytes; LIVEUPDATE_SESSION_NAME_LENGTH is 96, the NUL included"].map { $0.suffix(63) })
        #expect(
            try problems { $0.luo?.sessions?[1].further = ["owner": "x", "label": "0123456789abcdef", "token": 1] } == [
                ".luo.sessions[1].further.owner: \"\\\"x\\\"\" does not fit into 8 bytes of u64",
                ".luo.sessions[1].further.label: \"\\\"0123456789abcdef\\\"\" does not fit into 16 bytes of char",
                ".luo.sessions[1].further.token: kernel 9.0 \(Self.unknown)",
            ])
        let unknown = try problems { state in
            state.kernel = "7.3"
            state.luo?.sessions?.removeLast()
            state.luo?.sessions?[0].name = "s"
            state.luo?.sessions?[0].files = []
            state.luo?.flbs = nil
            state.luo?.further = nil
        }
        #expect(
            unknown == [
                ".luo.sessions[0].further.owner: kernel 7.2 \(Self.unknown)",
                ".luo.sessions[0].further.label: kernel 7.2 \(Self.unknown)",
            ])
    }

    @Test func `who does not know the generation says so`() throws {
        let document = try read(image(state()), among: Generation.known)
        #expect(document.isOfUnknownKernel)
        #expect(document.reading.findings.map(\.cause) == [.compatible])
        #expect(throws: DocumentReadError.self) { try DocumentReader.read(Array(Self.document.utf8)) }
    }
}
