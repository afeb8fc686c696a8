import Testing

@testable import Handover

/// Tests the planner's messages about documents that no kernel would write.
@Suite struct PlanProblemTests {
    private func problems(_ text: String) throws -> [String] {
        let document = try DocumentReader.read(Array(text.utf8))
        let error = #expect(throws: PlanError.self) { try HandoverPlanner.plan(document, sizeOfFile: noFiles) }
        return error?.problems.map(\.description) ?? []
    }

    @Test func `a problem is said once, however often its place is come past`() throws {
        let problems = try problems(
            """
            {"kernel": "7.3", "sessions": [
                {"name": "a", "files_pa": "0x20000000", "blocks": [{"pa": "0x20001000"}],
                 "files": [{"token": 1, "compatible": "x"}]}]}
            """)
        #expect(problems == [".luo.sessions[0].files_pa: 0x20000000 is not the address of the first block, 0x20001000"])
    }

    @Test func `addresses that overlap are named where they stand`() throws {
        let problems = try problems(
            """
            {"kernel": "7.3", "sessions": [
                {"name": "a", "files_pa": "0x20000000", "files": [{"token": 1, "compatible": "x"}]},
                {"name": "b", "files_pa": "0x20000000", "files": [
                    {"token": 1, "data": "0x20003000", "memfd": {"size": 8192, "folios": [
                        {"pfn": 131072, "flags": 3, "index": 0}, {"pfn": 131076, "flags": 3, "index": 1}]}},
                    {"token": 2, "data": "0x20003000", "memfd": {"size": 0}}]}]}
            """)
        #expect(
            problems == [
                ".luo.sessions[1].blocks[0].pa: 0x20000000 overlaps .luo.sessions[0].blocks[0].pa at 0x20000000",
                ".luo.sessions[1].files[0].memfd.folios[0].pfn: 0x20000000 overlaps "
                    + ".luo.sessions[0].blocks[0].pa at 0x20000000",
                ".luo.sessions[1].files[1].data: 0x20003000 overlaps .luo.sessions[1].files[0].data at 0x20003000",
            ])
    }

    @Test func `an address that is not a page's, and one near the end of the address space`() throws {
        let problems = try problems(
            """
            {"kernel": "7.3", "kho": {"fdt_pa": "0x20000010"}, "sessions": [
                {"name": "a", "files_pa": "0xfffffffffffff000", "files": [{"token": 1, "compatible": "x"}]}]}
            """)
        #expect(
            problems == [
                ".kho.fdt_pa: 0x20000010 is not aligned: the kernel allocates this at a multiple of 0x1000",
                ".luo.sessions[0].blocks[0].pa: 0xfffffffffffff000 and 4096 bytes exceed the address space",
            ])
    }
}

/// Contradictions in a document, and what no page can hold, are rejected, not dropped.
extension PlanProblemTests {
    @Test(arguments: [
        (
            #"{"kernel": "7.3", "luo": {"flb_pa": "0x0", "flbs": [{"name": "a", "count": 1}]}}"#,
            ".luo.flb_pa: 0x0 means that there is nothing, but .luo.flbs is given; remove one of them"
        ),
        (
            #"{"kernel": "7.1", "luo": {"sessions_pa": "0x0"}, "sessions": [{"name": "a"}]}"#,
            ".luo.sessions_pa: 0x0 means that there is nothing, but .sessions is given; remove one of them"
        ),
        (
            #"{"kernel": "7.3", "luo": {"sessions_pa": "0x0", "sessions": [{"name": "a"}]}}"#,
            ".luo.sessions_pa: 0x0 means that there is nothing, but .luo.sessions is given; remove one of them"
        ),
        (
            #"{"kernel": "7.1", "sessions": [{"name": "a", "files_pa": "0x0", "files": [{"token": 1, "#
                + #""compatible": "x"}]}]}"#,
            ".sessions[0].files_pa: 0x0 means that there is nothing, but .sessions[0].files is given; remove one of them"
        ),
        (
            #"{"kernel": "6.19", "luo": {"flb_pa": "0x20000000"}}"#,
            ".luo.flbs: kernel 6.19 has no file-lifecycle-bound objects"
        ),
        (
            #"{"kernel": "7.3", "sessions": [{"name": "a", "files": [{"token": 1, "data": "0x0", "memfd": {}}]}]}"#,
            ".luo.sessions[0].files[0].data: 0x0 is not an address"
        ),
        (
            #"{"kernel": "7.3", "kho": {"subtrees": [{"name": "LUO", "size": 5}]}}"#,
            #".kho.subtrees[0].size: 5, but "LUO" has 32 bytes"#
        ),
        (
            #"{"kernel": "7.1", "kho": {"subtrees": [{"name": "LUO", "size": 5}]}}"#,
            #".kho.subtrees[0].size: 5, but "LUO" has 311 bytes"#
        ),
    ])
    func `parts that contradict each other`(text: String, problem: String) throws {
        #expect(try problems(text) == [problem])
    }

    @Test func `a chunk of bitmaps holds as many as a page does, and blocks that there are`() throws {
        let bitmaps = (0..<301).map { #"{"start": "0x\#(String($0 << 27, radix: 16))", "bits": "0"}"# }
        #expect(
            try problems(
                #"{"kernel": "6.19", "preserved": {"chunks": [{"order": 0, "bitmaps": "#
                    + #"[\#(bitmaps.joined(separator: ","))]}]}}"#
            )
                == [".preserved.chunks[0].bitmaps: 301 bitmaps; a chunk holds 255"])
        #expect(
            try problems(
                """
                {"kernel": "6.19", "preserved": {"chunks": [
                    {"order": 4294967295, "bitmaps": [{"start": "0x0", "bits": "0"}]},
                    {"order": 1, "bitmaps": [{"start": "0x1000", "bits": "0-32768"}]}]}}
                """) == [
                    ".preserved.chunks[0].order: 4294967295; an order must be less than 52",
                    ".preserved.chunks[1].bitmaps[0].bits: bit 32768; a page has 32768 bits",
                    ".preserved.chunks[1].bitmaps[0].start: 0x1000 is not the address of a block of order 1",
                ])
    }

    @Test func `a page of the radix tree is where its key leads`() throws {
        let tables = (1...5).reversed().map { #"{"level": \#($0), "key": "0x0"}"# }.joined(separator: ",")
        func problems(nodes: String, leaves: String) throws -> [String] {
            try self.problems(
                #"{"kernel": "7.3", "preserved": {"radix": {"nodes": [\#(nodes)], "leaves": [\#(leaves)]}}}"#)
        }
        #expect(
            try problems(nodes: tables, leaves: #"{"key": "0x8001", "bits": "0"}, {"key": "0x8000", "bits": "32768"}"#)
                == [
                    ".preserved.radix.leaves[0].key: 0x8001 is in the page of level 0 whose first key is 0x8000",
                    ".preserved.radix.leaves[1].bits: bit 32768; a page has 32768 bits",
                ])
        #expect(
            try problems(
                nodes: tables
                    + #", {"level": 1, "key": "0x0"}, {"level": 0, "key": "0x0"}, {"level": 6, "key": "0x0"}"#,
                leaves:
                    #"{"key": "0x1000000", "bits": "0"}, {"key": "0x8000", "bits": "0"}, {"key": "0x8000", "#
                    + #""bits": "1"}"#
            )
                == [
                    ".preserved.radix.nodes[5].key: 0x0 is already the key of a page of level 1",
                    ".preserved.radix.nodes[6].level: 0; tables have the levels 1 to 5",
                    ".preserved.radix.nodes[7].level: 6; tables have the levels 1 to 5",
                    ".preserved.radix.leaves[0].key: no table of level 1 before it refers to 0x1000000",
                    ".preserved.radix.leaves[2].key: 0x8000 is already the key of a page of level 0",
                ])
    }

    @Test(arguments: [#""folios": []"#, #""size": 8192, "folios": [{"pfn": "0x0", "index": 0}]"#])
    func `contents that no folio holds are not left out`(folios: String) throws {
        let document = try DocumentReader.read(
            Array(#"{"sessions": [{"name": "a", "files": [{"token": 1, "memfd": {"text": "b", \#(folios)}}]}]}"#.utf8))
        let plan = try HandoverPlanner.plan(document, sizeOfFile: noFiles)
        #expect(throws: WriteError.hole(".luo.sessions[0].files[0].memfd", page: 0)) {
            try HandoverImage(of: plan, contents: noContents)
        }
    }
}
