import KernelABI
import SystemPackage
import TestSupport
import Testing

@testable import Handover

/// Tests damaged payloads of described kinds, and descriptions with errors.
@Suite struct PayloadDamageTests {
    private static let description = #"""
        {"structures": [
           {"name": "head", "packed": false, "fields": [
             {"name": "text", "type": "char[8]"}, {"name": "small", "type": "u8"}, {"name": "word", "type": "s32"},
             {"name": "list", "type": "u64", "leads_to": {"array": "item", "count": "n"}}, {"name": "n", "type": "u64"},
             {"name": "numbers", "type": "s16[2]"}]},
           {"name": "item", "fields": [{"name": "a", "type": "u64"}]},
           {"name": "ram", "fields": [{"name": "size", "type": "u64"}, {"name": "n", "type": "u64"},
             {"name": "list", "type": "kho_vmalloc", "leads_to": {"vmalloc": "folio", "count": "n"}}]},
           {"name": "folio", "fields": [{"name": "pfn", "type": "u64:52", "leads_to": {"frame": true}},
             {"name": "flags", "type": "u64:12"}, {"name": "index", "type": "u64"}]}],
         "kinds": [
           {"kind": "mine", "place": "flb", "names": ["mine"], "payload": "head",
            "rules": [{"rule": "mine-word", "test": "limit", "field": "word", "most": 10, "consequence": "x"}]},
           {"kind": "ram", "place": "file", "names": ["ram-v1"], "payload": "ram",
            "contents": {"size": "size", "list": "list", "frame": "pfn", "index": "index"}}]}
        """#

    private static func kinds(_ text: String = description) throws -> ContentKinds {
        try withTemporaryDirectory { directory in
            let path = directory.appending("kinds.json")
            let file = try FileDescriptor.open(path, .writeOnly, options: .create, permissions: .ownerReadWrite)
            try file.closeAfter { _ = try file.writeAll(text.utf8) }
            var kinds = ContentKinds.standard
            try kinds.add(path)
            return kinds
        }
    }

    private static let document = #"""
        {"kernel": "7.3", "flbs": [{"name": "mine", "count": 1,
           "payload": {"text": "abc", "small": 1, "word": -5, "list": [{"a": 1}, {"a": 2}], "numbers": [-1, 2]}}],
         "sessions": [{"name": "s", "files": [{"token": 1, "compatible": "ram-v1", \#
         "payload": {"text": "0123456789"}}]}]}
        """#

    /// The document's handover, with bytes changed in its first piece with a role.
    private func image(
        _ role: Extent.Role, of owner: Owner, _ patch: (offset: UInt64, bytes: [UInt8])? = nil
    ) throws -> (memory: any PhysicalMemory, root: PhysicalAddress, kinds: ContentKinds) {
        let kinds = try Self.kinds()
        var options = HandoverPlanner.Options()
        options.kinds = kinds
        let state = try DocumentReader.read(Array(Self.document.utf8))
        let planned = try HandoverPlanner.plan(state, options: options) { _ throws(FileError) in 0 }
        let image = try HandoverImage(of: planned) { _ throws(FileError) in MappedFile(bytes: [], name: "") }
        let root = try #require(image.rootAddress)
        guard let patch else { return (image.memory, root, kinds) }
        let extent = try #require(image.extents.first { $0.role == role && $0.owner == owner })
        let address = try #require(extent.address.advanced(by: patch.offset))
        return (try image.memory.changed(patch.bytes, at: address), root, kinds)
    }

    private func check(_ memory: any PhysicalMemory, _ root: PhysicalAddress, _ kinds: ContentKinds) -> [String] {
        var options = HandoverCheck.Options()
        options.handlers = ["ram-v1"]
        let subject = CheckSubject(memory: memory, rootAt: root, kinds: kinds)
        return HandoverCheck(subject, options: options).results.map(\.rule.name)
    }

    private let mine = Owner.flb("mine")
    private let ram = Owner.file(session: "s", token: 1)

    @Test func `what is sound has no finding, negative numbers among it`() throws {
        let (memory, root, kinds) = try image(.payload, of: mine)
        #expect(check(memory, root, kinds) == [])
        let reader = HandoverReader(memory: memory, pageSize: .kib4, kinds: kinds)
        let reading = try reader.read(rootAt: root)
        #expect(reading.exactState(in: memory).residue == nil)
        let payload = try #require(reading.state.luo?.flbs?[0].content as? Payload)
        #expect(payload.root?.bytes[12..<16].elementsEqual([0xfb, 0xff, 0xff, 0xff]) == true)
    }

    /// Bytes after a NUL, and between fields.
    @Test(arguments: [(4, [0x7a]), (9, [1]), (44, [1])] as [(UInt64, [UInt8])])
    func `bytes that a document does not say are carried besides`(offset: UInt64, bytes: [UInt8]) throws {
        let (memory, root, kinds) = try image(.payload, of: mine, (offset, bytes))
        let reading = try HandoverReader(memory: memory, pageSize: .kib4, kinds: kinds).read(rootAt: root)
        #expect(reading.exactState(in: memory).residue?.map(\.data) == [bytes])
    }

    @Test func `an address of 0 for records that are counted is damage`() throws {
        let (memory, root, kinds) = try image(.payload, of: mine, (16, [UInt8](repeating: 0, count: 8)))
        #expect(check(memory, root, kinds).contains("damage"))
    }

    @Test func `a number with a sign is held against a limit as one`() throws {
        let (memory, root, kinds) = try image(.payload, of: mine, (12, [11, 0, 0, 0]))
        #expect(check(memory, root, kinds) == ["mine-word"])
    }

    @Test func `a list of folios that cannot be read leaves the file's bytes unknown`() throws {
        let (memory, root, kinds) = try image(.payload, of: ram, (16, [0, 0, 0, 0, 0, 0, 1]))
        let reading = try HandoverReader(memory: memory, pageSize: .kib4, kinds: kinds).read(rootAt: root)
        let contents = try #require(reading.state.luo?.sessions?[0].files?[0].fileContents)
        let output = ContentsOutput(of: contents, in: reading.state, memory: memory)
        try withTemporaryDirectory { directory in
            let missing = try output.write(to: Destination(directory.appending("file")))
            #expect(missing == [0..<10])
        }
    }

    @Test func `frames that are not preserved, and pages that are listed twice, are found`() throws {
        let (memory, root, kinds) = try image(.payloadRecords, of: ram, (0, [0xff, 0xff]))
        #expect(check(memory, root, kinds).contains("uncovered-page"))
    }

    @Test(arguments: [
        (#""most": 10"#, #""least": 20, "most": 10"#, "larger"), (#", "most": 10"#, "", "expected \"least\""),
        (#""name": "item""#, #""name": "head""#, "another structure"),
        (#""kind": "ram""#, #""kind": """#, "needs a name"),
        (#""list": "list", "frame""#, #""list": "lst", "frame""#, "refers to records"),
        (#""name": "small""#, #""name": "list_pa""#, "the key \"list_pa\""),
        (
            #""payload": "head","#,
            #""payload": "head", "links": [{"field": "head.nope", "leads_to": {"frame": true}}],"#, "no structure"
        ),
    ])
    func `a mistake in a description is named`(text: String, replacement: String, said: String) throws {
        let changed = Self.description.replacing(text, with: replacement)
        #expect(changed != Self.description)
        let error = #expect(throws: DocumentReadError.self) { try Self.kinds(changed) }
        #expect(error.map { "\($0)" }?.contains(said) ?? false, "\(error.map { "\($0)" } ?? "")")
    }
}
