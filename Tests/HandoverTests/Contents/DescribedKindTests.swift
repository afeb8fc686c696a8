import Foundation
import KernelABI
import SystemPackage
import Testing

@testable import Handover

/// Tests described kinds of content: those of the catalogue, and some of our own.
@Suite struct DescribedKindTests {
    @Test func `every description of the catalogue is sound`() throws {
        for entry in Catalogue.entries {
            let document = try DocumentReader.read(KindDocument.self, from: entry.text)
            let kinds = try DescribedKind.kinds(in: document)
            #expect(Set(kinds.flatMap(\.names)) == Set(entry.names), "the list has the names that are described")
            #expect(kinds.allSatisfy { $0.place == entry.place })
            for kind in kinds {
                #expect(!kind.summary.isEmpty && kind.source != nil, "\(kind.title) says what it is, and where from")
            }
        }
        #expect(Set(ContentKinds.standard.all.map(\.title)).count == ContentKinds.standard.all.count)
    }

    /// A payload of each kind, and the result.
    static let payloads: [(place: ContentPlace, name: String, payload: String)] = [
        (.flb, "pci", #"{"version": 1, "devices": [{"domain": 1, "bdf": 8, "refcount": 1}]}"#),
        (.flb, "pci", #"{"version": 2, "devices": [{"domain": 0, "bdf": 16, "refcount": 3}, {"refcount": 0}]}"#),
        (
            .flb, "pci-v1",
            #"{"max_nr_devices": 4, "nr_devices": 1, "devices": [{"domain": 7, "bdf": 8, "refcount": 1}]}"#
        ),
        (.flb, "hugetlb-v1", #"{"hstates": [{"nr_pages": 2, "order": 9}], "nr_hstates": 1}"#),
        (.flb, "iommu-liveupdate-v1", #"{"iommus": {"nr": 2, "next": {"nr": 1}}, "domains": {"nr": 0}}"#),
        (.flb, "iommu-liveupdate", #"{"version": 3, "devices": {"nr": 4}}"#),
        (.file, "kvm_vm_luo_v1", #"{"type": 1, "mem_attrs": [{"gfn": 256, "attributes": 8}]}"#),
        (.file, "guest_memfd_luo_v1", #"{"size": 12288, "vm_token": 2, "text": "guest"}"#),
        (.file, "vfio-pci-v1", #"{"bdf": 8, "domain": 1, "reset_works": 1}"#),
        (.file, "iommufd-v1", #"{"hwpts": [{"domain_data": 18, "token": 5, "reclaimed": 1}, {"token": 6}]}"#),
        (.file, "huge-memfd-v1", #"{"size": 4194304, "order": 9, "text": "huge"}"#),
        (.file, "tmpfs-mnt-v1", #"{"max_blocks": 1024, "mode": 511}"#),
        (.file, "tmpfs-file-v1", #"{"mnt_token": 1, "name": "a/b", "text": "in a tmpfs"}"#),
        (.subtree, "hwpoison", #"{"pfns": [{"pfn": 17}, {"pfn": 18}]}"#),
        (.subtree, "pstore-kho", #"{"rest": "AQID"}"#),
    ]

    private static func document(_ place: ContentPlace, _ name: String, _ payload: String, pageSize: Int) -> String {
        let entry: String =
            switch place {
            case .flb: #""luo": {"flbs": [{"name": "\#(name)", "count": 1, "payload": \#(payload)}]}"#
            case .file:
                #""sessions": [{"name": "s", "files": [{"token": 1, "compatible": "\#(name)", "payload": "#
                    + #"\#(payload)}]}]"#
            case .subtree: #""kho": {"subtrees": [{"name": "\#(name)", "payload": \#(payload)}]}"#
            case .session: #""sessions": [{"name": "\#(name)", "mapping": \#(payload)}]"#
            }
        return #"{"kernel": "7.3", "page_size": \#(pageSize), \#(entry)}"#
    }

    private static func build(_ text: String, _ kinds: ContentKinds = .standard) throws -> HandoverImage {
        var options = HandoverPlanner.Options()
        options.kinds = kinds
        let state = try DocumentReader.read(Array(text.utf8))
        let plan = try HandoverPlanner.plan(state, options: options) { _ throws(FileError) in 0 }
        return try HandoverImage(of: plan) { _ throws(FileError) in MappedFile(bytes: [], name: "") }
    }

    private static func read(_ image: HandoverImage, _ kinds: ContentKinds = .standard) throws -> Reading {
        let pageSize = try #require(image.state.pageSize)
        return try HandoverReader(memory: image.memory, pageSize: pageSize, kinds: kinds)
            .read(rootAt: try #require(image.rootAddress))
    }

    private static func content(of state: HandoverState) -> (any Content)? {
        state.luo?.flbs?.first?.content ?? state.luo?.sessions?.first?.files?.first?.content
            ?? state.kho?.subtrees?.compactMap(\.content).first
    }

    private static func json(_ content: any Content) throws -> PayloadValue {
        var text: [UInt8] = []
        var writer = DocumentWriter { text += $0 }
        content.write(to: &writer)
        writer.finish()
        return try PayloadValue(json: text)
    }

    @Test(arguments: payloads.indices, PageSize.allCases)
    func `a payload is built, read as what it was, and built again byte for byte`(index: Int, size: PageSize) throws {
        let (place, name, payload) = Self.payloads[index]
        let image = try Self.build(Self.document(place, name, payload, pageSize: size.bytes))
        let reading = try Self.read(image)
        #expect(reading.findings.filter { $0.severity == .damage } == [])
        let content = try #require(Self.content(of: reading.state))
        let found = try Self.json(content)
        guard case .object(let given) = try PayloadValue(json: Array(payload.utf8)) else { return }
        for member in given where !FileContents.Source.keys.contains(member.name) {
            let value = try #require(found[member.name], "\(member.name)")
            if case .number(let number) = member.value, case .string(let text) = value {
                #expect(text == "0x" + String(number, radix: 16))
            } else if case .number = member.value {
                #expect(value == member.value, "\(member.name)")
            }
        }
        let exact = reading.exactState(in: image.memory)
        #expect(exact.residue == nil)
        var text: [UInt8] = []
        var writer = DocumentWriter { text += $0 }
        writer.write(exact)
        let again = try Self.build(String(decoding: text, as: UTF8.self))
        for extent in reading.extents where extent.role.isMetadata {
            #expect(
                again.memory.copy(at: extent.address, count: extent.byteCount)
                    == image.memory.copy(at: extent.address, count: extent.byteCount), "\(extent.role.name)")
        }
    }

    @Test func `all that a payload leads to is preserved, and has one owner`() throws {
        for (place, name, payload) in Self.payloads {
            let image = try Self.build(Self.document(place, name, payload, pageSize: 4096))
            let reading = try Self.read(image)
            let preserved = try #require(reading.state.preserved).summary(pageSize: .kib4)
            for extent in reading.extents where extent.role.isPreserved {
                #expect(preserved.contains(extent.range), "\(name): \(extent.role.name) at \(extent.address)")
            }
        }
    }

    @Test func `of two layouts of a name, the one that the bytes fit is taken`() throws {
        for layout in ["32-bit", "64-bit"] {
            let text = #"""
                {"kernel": "7.3", "luo": {"flbs": [{"name": "pci-v2", "count": 1, "kind": "\#(layout)", "payload":
                  {"max_nr_devices": 16, "nr_devices": 2, "devices": [{"domain": 1, "bdf": 8, "refcount": 1},
                   {"domain": 2, "bdf": 9, "refcount": 1}]}}]}}
                """#
            let reading = try Self.read(try Self.build(text))
            let payload = try #require(reading.state.luo?.flbs?.first?.content as? Payload)
            #expect(payload.described.variant == layout)
        }
    }

    @Test func `an unknown version is said, and the payload kept`() throws {
        let image = try Self.build(
            Self.document(.flb, "pci", #"{"version": 1, "devices": []}"#, pageSize: 4096))
        var memory = image.memory
        let address = PhysicalAddress(try #require(image.state.luo?.flbs?.first?.data))
        try memory.write([9], at: address)
        let reading = try HandoverReader(memory: memory, pageSize: .kib4).read(rootAt: try #require(image.rootAddress))
        let finding = try #require(reading.findings.first { $0.cause == .version })
        #expect(finding.place.address == address)
        #expect(finding.owner == .flb("pci"))
        #expect(finding.expected.contains("1, 2"))
    }

    @Test func `a payload of an unknown kind is kept as the block that it lies in`() throws {
        let kinds = try Self.mine()
        let image = try Self.build(Self.document(.flb, "my-flb", #"{"nr": 7}"#, pageSize: 4096), kinds)
        let reading = try Self.read(image)
        let raw = try #require(reading.state.luo?.flbs?.first?.content as? RawPayload)
        #expect(raw.bytes == [7])
        #expect(raw.order == 0)
        var text: [UInt8] = []
        var writer = DocumentWriter { text += $0 }
        writer.write(reading.exactState(in: image.memory))
        let again = try Self.build(String(decoding: text, as: UTF8.self))
        let address = try #require(raw.address)
        #expect(again.memory.copy(at: address, count: 4096) == image.memory.copy(at: address, count: 4096))
    }

    @Test func `a token leads to another file, a name to a string, bits share a word`() throws {
        let image = try Self.build(
            Self.document(.file, "tmpfs-file-v1", #"{"mnt_token": 9, "name": "x", "text": "y"}"#, pageSize: 4096))
        let value = try Self.json(try #require(Self.content(of: try Self.read(image).state)))
        #expect(value["mnt_token"] == "0x9")
        #expect(value["name"] == "x")
        guard case .array(let folios) = value["folios"] else { return }
        #expect(folios.first?["flags"] == 3)
    }

    // MARK: - Descriptions

    private static let mineText = #"""
        {"structures": [{"name": "my_ser", "fields": [{"name": "nr", "type": "u64"}]}],
         "kinds": [{"kind": "mine", "place": "flb", "names": ["my-flb"], "payload": "my_ser"}]}
        """#

    private static func mine(_ text: String = mineText) throws -> ContentKinds {
        let path = FilePath("/tmp").appending("luo-fdt-kinds-\(UInt64.random(in: 0...(.max))).json")
        let file = try FileDescriptor.open(
            path, .writeOnly, options: [.create, .exclusiveCreate], permissions: [.ownerReadWrite])
        try file.closeAfter { _ = try file.writeAll(Array(text.utf8)) }
        defer { try? FileManager.default.removeItem(atPath: path.string) }
        var kinds = ContentKinds.standard
        try kinds.add(path)
        return kinds
    }

    @Test(arguments: [
        (#"{"kinds": [{"kind": "a", "place": "flb", "names": ["a"], "payload": "nope"}]}"#, ".kinds[0].payload: "),
        (
            #"{"structures": [{"name": "s", "fields": [{"name": "x", "type": "u7"}]}], "kinds": [{"kind": "a", "#
                + #""place": "flb", "names": ["a"], "payload": "s"}]}"#,
            ".structures[0].fields[0].type: "
        ),
        (
            #"{"structures": [{"name": "s", "fields": [{"name": "x", "type": "u32", "leads_to": {"structure": "#
                + #""s"}}]}], "kinds": [{"kind": "a", "place": "flb", "names": ["a"], "payload": "s"}]}"#,
            ".structures[0].fields[0].leads_to: "
        ),
        (
            #"{"structures": [{"name": "s", "fields": [{"name": "x", "type": "s"}]}], "kinds": [{"kind": "a", "#
                + #""place": "flb", "names": ["a"], "payload": "s"}]}"#,
            ".structures[0].fields[0].type: "
        ),
        (
            #"{"structures": [{"name": "s", "fields": [{"name": "x", "type": "u64"}]}], "kinds": [{"kind": "a", "#
                + #""place": "flb", "names": ["a"], "payload": "s", "version": {"field": "y", "values": [1]}}]}"#,
            ".kinds[0].version.field: "
        ),
        (#"{"kinds": [{"kind": "a", "plaec": "flb"}]}"#, ".kinds[0]: unknown key \"plaec\"; did you mean \"place\"?"),
        (#"{"kinds": [{"kind": "a", "place": "fbl"}]}"#, ".kinds[0].place: "),
    ])
    func `an error in a description names its place`(text: String, said: String) {
        let error = #expect(throws: DocumentReadError.self) { try Self.mine(text) }
        #expect("\(String(describing: error.map { "\($0)" }))".contains(said.replacing("\"", with: "\\\"")))
    }

    @Test func `a structure without fields is taken from the kernel's own`() throws {
        let text = #"""
            {"kinds": [{"kind": "mine", "place": "flb", "names": ["my-flb"], "payload": "my_ser",
              "links": [{"field": "my_ser.items", "leads_to": {"block_chain": "my_item"}}]}]}
            """#
        let declared: (String) -> DeclaredStructure? = { name in
            switch name {
            case "my_ser":
                DeclaredStructure(
                    name: name, size: 16,
                    members: [
                        .init(name: "nr", type: "u32", bitOffset: 0), .init(name: "items", type: "u64", bitOffset: 64),
                    ])
            case "my_item":
                DeclaredStructure(
                    name: name, size: 24,
                    members: [
                        .init(name: "label", type: "char[16]", bitOffset: 0),
                        .init(name: "low", type: "u64", bitOffset: 128, bitWidth: 52),
                        .init(name: "high", type: "u64", bitOffset: 180, bitWidth: 12),
                    ])
            default: nil
            }
        }
        let document = try DocumentReader.read(KindDocument.self, from: Array(text.utf8))
        let kind = try #require(try DescribedKind.kinds(in: document, declared: declared).first)
        #expect(kind.structures.map(\.name) == ["my_ser", "my_item"])
        #expect(kind.structures.map(\.size) == [16, 24])
        let high = try #require(kind.layouts["my_item"]?.member(named: "high"))
        var bytes = [UInt8](repeating: 0, count: 24)
        #expect(high.setNumber(0xabc, in: &bytes, at: 0))
        #expect(bytes[22...23] == [0xc0, 0xab])
    }

    @Test func `damage anywhere in a payload ends in findings`() throws {
        for (place, name, payload) in Self.payloads {
            let image = try Self.build(Self.document(place, name, payload, pageSize: 4096))
            let root = try #require(image.rootAddress)
            let extents = try Self.read(image).extents.filter {
                $0.role == .payload || $0.role == .payloadRecords || $0.role == .vmallocChunk
            }
            for extent in extents {
                for offset in 0..<min(extent.byteCount, 48) {
                    var memory = image.memory
                    let address = try #require(extent.address.advanced(by: UInt64(offset)))
                    let old = try #require(memory.copy(at: address, count: 1))
                    try memory.write([old[0] ^ (offset % 2 == 0 ? 0xff : 0x01)], at: address)
                    let reading = try HandoverReader(memory: memory, pageSize: .kib4).read(rootAt: root)
                    if offset % 8 == 0 { _ = reading.exactState(in: memory) }
                }
            }
        }
    }
}
