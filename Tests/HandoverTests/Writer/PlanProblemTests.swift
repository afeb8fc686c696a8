import Testing

@testable import Handover

/// What the planner says of documents that no kernel would write.
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
                ".luo.sessions[0].blocks[0].pa: 0xfffffffffffff000 and 4096 bytes reach beyond the address space",
            ])
    }
}
