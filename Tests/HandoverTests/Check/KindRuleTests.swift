import KernelABI
import Testing

@testable import Handover

/// Tests the rules in descriptions of kinds.
@Suite struct KindRuleTests {
    /// A handover of kernel 7.3, as a document, and the bytes to overwrite, at an offset from a payload.
    struct Case: Sendable {
        var rule: String
        var document: String
        var role = Extent.Role.payload
        var patch: (offset: UInt64, bytes: [UInt8])?
        var field: String?

        /// A handover with this payload of an FLB, and a file that depends on the FLB.
        static func flb(_ name: String, _ payload: String) -> String {
            #"""
            {"kernel": "7.3", "flbs": [{"name": "\#(name)", "count": 1, "payload": \#(payload)}],
             "sessions": [{"name": "s", "files": [{"token": 1, "memfd": {"text": "x"}}]}]}
            """#
        }

        static func file(_ name: String, _ payload: String) -> String {
            #"""
            {"kernel": "7.3", "sessions": [{"name": "s", "files": [{"token": 1, "memfd": {"text": "x"}},
              {"token": 2, "compatible": "\#(name)", "payload": \#(payload)}]}]}
            """#
        }

        static func subtree(_ name: String, _ payload: String) -> String {
            #"""
            {"kernel": "7.3", "liveupdate_number": 1,
             "kho": {"subtrees": [{"name": "\#(name)", "payload": \#(payload)}]}}
            """#
        }
    }

    private static let pci = Case.flb(
        "pci", #"{"version": 2, "devices": [{"bdf": 8, "refcount": 1}, {"bdf": 16, "refcount": 1}, {"bdf": 8}]}"#)
    private static let guest = Case.file("guest_memfd_luo_v1", #"{"vm_token": 1, "text": "guest"}"#)
    private static let hwpoison = Case.subtree("hwpoison", #"{"pfns": [{"pfn": 17}, {"pfn": 18}]}"#)

    static let cases: [Case] = [
        Case(rule: "pci-version", document: pci, patch: (0, [9]), field: "version"),
        Case(rule: "pci-duplicate", document: pci, role: .payloadRecords, patch: (16 + 8 + 4, [8]), field: "domain"),
        Case(rule: "pci-chain", document: pci, role: .payloadRecords, patch: (8, [0xe8, 3]), field: "count"),
        Case(rule: "pci-chain", document: pci, patch: (8, [0, 0, 0, 0, 0, 1])),
        Case(rule: "pci-excess", document: pci, patch: (4, [7]), field: "nr_devices"),
        Case(
            rule: "pci-count", document: pci.replacing(#""version": 2"#, with: #""version": 1"#), patch: (4, [7]),
            field: "nr_devices"),
        Case(rule: "guest_memfd-vm", document: guest, patch: (24, [3]), field: "vm_token"),
        Case(rule: "guest_memfd-vm", document: guest, patch: (24, [2]), field: "vm_token"),
        Case(rule: "hwpoison-duplicate", document: hwpoison, role: .payloadRecords, patch: (8, [17]), field: "pfn"),
        Case(rule: "hwpoison-version", document: hwpoison, role: .subtree, patch: (0, [2]), field: "version"),
        Case(
            rule: "hugetlb-pools", document: Case.flb("hugetlb-v1", #"{"nr_hstates": 4}"#), patch: (36, [5]),
            field: "nr_hstates"),
    ]

    @Test(arguments: cases.indices)
    func `what is sound gives no finding, and what is not gives one`(index: Int) throws {
        let (rule, image, root) = try Self.build(Self.cases[index])
        var options = HandoverCheck.Options()
        options.handlers = ["guest_memfd_luo_v1"]
        let good = HandoverCheck(CheckSubject(memory: image.memory, rootAt: root), options: options)
        #expect(good.results.map { "\($0.rule.name): \($0.finding)" } == [])

        let (offset, bytes) = try #require(rule.patch)
        let reading = try HandoverReader(memory: image.memory, pageSize: .kib4).read(rootAt: root)
        let extent = try #require(
            reading.extents.first { extent in
                if case .subtree(let name) = extent.owner, extent.role == .subtree { return name == "hwpoison" }
                return extent.role == rule.role
            })
        var memory = image.memory
        let address = try #require(extent.address.advanced(by: offset))
        try memory.write(bytes, at: address)
        let bad = HandoverCheck(CheckSubject(memory: memory, rootAt: root), options: options)
        #expect(bad.results.map(\.rule.name) == [rule.rule], "\(bad.results.map(\.finding))")
        let result = try #require(bad.results.first)
        #expect(result.finding.owner == extent.owner)
        #expect(result.finding.place.field == rule.field)
        if let field = rule.field, field != "domain" { #expect(result.finding.place.address == address) }
        #expect(bad.verdict == result.rule.verdict)
        #expect(!result.rule.explanation.remedy.isEmpty)
    }

    private static func build(_ rule: Case) throws -> (Case, HandoverImage, PhysicalAddress) {
        let state = try DocumentReader.read(Array(rule.document.utf8))
        let plan = try HandoverPlanner.plan(state) { _ throws(FileError) in 0 }
        let image = try HandoverImage(of: plan) { _ throws(FileError) in MappedFile(bytes: [], name: "") }
        return (rule, image, try #require(image.rootAddress))
    }

    @Test(arguments: [
        (#"{"rule": "slack", "test": "version", "consequence": "x"}"#, "a built-in rule of check"),
        (#"{"rule": "r", "test": "count", "field": "a", "consequence": "x"}"#, "a field that counts records"),
        (#"{"rule": "r", "test": "unique", "field": "list", "consequence": "x"}"#, "needs \"by\""),
        (#"{"rule": "r", "test": "unique", "field": "list", "by": ["z"], "consequence": "x"}"#, "no number \"z\""),
        (#"{"rule": "r", "test": "limit", "field": "list.z", "consequence": "x"}"#, "a number"),
        (
            #"{"rule": "r", "test": "nope", "consequence": "x"}"#,
            "is unknown; known are version, chain, unique, count, excess"
        ),
    ])
    func `a rule that cannot be run is refused`(rule: String, said: String) throws {
        let text = #"""
            {"structures": [{"name": "s", "fields": [{"name": "a", "type": "u64"},
               {"name": "list", "type": "u64", "leads_to": {"array": "t", "count": "n"}}, {"name": "n", "type": "u8"}]},
              {"name": "t", "fields": [{"name": "b", "type": "u16"}]}],
             "kinds": [{"kind": "k", "place": "flb", "names": ["k"], "payload": "s", "rules": [\#(rule)]}]}
            """#
        let error = #expect(throws: DocumentReadError.self) {
            let document = try DocumentReader.read(KindDocument.self, from: Array(text.utf8))
            _ = try DescribedKind.kinds(in: document)
        }
        let description = error.map { "\($0)" } ?? ""
        #expect(description.contains(said) && description.contains(".kinds[0].rules[0]"), "\(description)")
    }
}
