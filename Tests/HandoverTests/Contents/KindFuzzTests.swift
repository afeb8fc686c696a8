import Foundation
import KernelABI
import TestSupport
import Testing

@testable import Handover

/// Nonsensical descriptions: they are rejected, or define kinds that can read and build anything they are given.
@Suite struct KindFuzzTests {
    private static let words = [
        "0", "1", "65535", "65536", "4294967296", "18446744073709551615", "-1", "null", "true", "\"u8\"", "\"u64\"",
        "\"u64:52\"", "\"s16\"", "\"u32:33\"", "\"char[0]\"", "\"char[65536]\"", "\"kho_vmalloc\"",
        "\"kho_vmalloc[2]\"", "{}", "[]", "{\"frame\": true}", "{\"token\": true}", "{\"fdt\": true}",
        "\"version\"", "\"fdt\"", "\"json\"", "\"session\"", "\"subtree\"", "\"file\"", "\"flb\"", "\"devices\"",
        "\"nr_folios\"", "\"folios\"", "\"size\"", "\"pci_dev_ser[]\"",
        "\"pci_dev_ser[65536]\"", "\"array\"", "\"structure\"", "\"block_chain\"", "\"vmalloc\"", "\"flags\"",
    ]

    /// The text with some of its tokens replaced by its own tokens, or by ``words``.
    private static func mutated(_ text: String, by random: inout SplitMix64) -> String {
        var pieces: [Substring] = []
        var rest = text[...]
        let plain: (Character) -> Bool = { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "\"" }
        while let first = rest.first {
            let end =
                first == "\""
                ? rest.dropFirst().firstIndex(of: "\"").map(rest.index(after:)) ?? rest.endIndex
                : plain(first) ? rest.firstIndex { !plain($0) } ?? rest.endIndex : rest.index(after: rest.startIndex)
            pieces.append(rest[..<end])
            rest = rest[end...]
        }
        let places = pieces.indices.filter { pieces[$0].first.map(plain) ?? false }
        for _ in 0...Int.random(in: 0..<3, using: &random) {
            guard let place = places.randomElement(using: &random) else { break }
            let word =
                Bool.random(using: &random)
                ? words.randomElement(using: &random)?[...] : places.randomElement(using: &random).map { pieces[$0] }
            pieces[place] = word ?? ""
        }
        return pieces.joined()
    }

    @Test(arguments: Catalogue.entries.indices)
    func `a description is refused, or can be used`(index: Int) throws {
        let text = String(decoding: Catalogue.entries[index].text, as: UTF8.self)
        var random = SplitMix64(seed: UInt64(index))
        var memory = SparseMemory(pageSize: 4096)
        for page in 0..<16 {
            let bytes = (0..<4096).map { _ in
                UInt8.random(in: 0..<4, using: &random) == 0 ? UInt8.random(in: 0...255, using: &random) : 0
            }
            try memory.write(bytes, at: PhysicalAddress(UInt64(page) << 12))
        }
        let context = ReadingContext(memory: memory, pageSize: .kib4)
        var used = 0
        for _ in 0..<120 {
            let document = Self.mutated(text, by: &random)
            guard let form = try? DocumentReader.read(KindDocument.self, from: Array(document.utf8)),
                let kinds = try? DescribedKind.kinds(in: form)
            else { continue }
            for kind in kinds where kind.place != .session {
                used += 1
                var log = ReadingLog(context: context)
                let address = UInt64.random(in: 0..<16 << 12, using: &random)
                if let content = kind.read(address, owner: .flb("x"), context, &log) { try use(content, of: kind) }
                let empty = kind.root == nil ? "\"\"" : "{}"
                let made = try DocumentReader.read(Array(empty.utf8)) { (reader) throws(DocumentReadError) in
                    try kind.read(from: &reader)
                }
                try use(made, of: kind)
            }
        }
        #expect(used > 0 || text.contains("\"mapping\""))
    }

    /// Shows, writes, reads back and plans a content.
    private func use(_ content: any Content, of kind: DescribedKind) throws {
        _ = content.cells
        _ = content.fileContents
        var text: [UInt8] = []
        var writer = DocumentWriter { text += $0 }
        content.write(to: &writer)
        writer.finish()
        let again = try DocumentReader.read(text) { (reader) throws(DocumentReadError) in try kind.read(from: &reader) }
        var flb = FLBState()
        flb.name = "x"
        flb.content = again
        var state = HandoverState()
        state.kernel = "7.3"
        var luo = LUOState()
        luo.flbs = [flb]
        state.luo = luo
        guard let plan = try? HandoverPlanner.plan(state, sizeOfFile: { _ throws(FileError) in 0 }) else { return }
        _ = try? HandoverImage(of: plan) { _ throws(FileError) in MappedFile(bytes: [], name: "") }
    }

    @Test(arguments: [
        // Endlessly nested structures, of excessive size.
        (0..<40).map { #"{"name": "s\#($0)_", "fields": [{"name": "a", "type": "s\#($0 + 1)_[65536]"}]}"# } + [
            #"{"name": "s40_", "fields": [{"name": "a", "type": "u8"}]}"#
        ],
        (0..<5000).map { #"{"name": "s\#($0)_", "fields": [{"name": "a", "type": "s\#($0 + 1)_"}]}"# } + [
            #"{"name": "s5000_", "fields": [{"name": "a", "type": "u8"}]}"#
        ],
        [
            #"{"name": "s0_", "fields": [{"name": "a", "type": "t[65536]"}]}"#,
            #"{"name": "t", "fields": [{"name": "a", "type": "u64", "leads_to": {"structure": "t"}}]}"#,
        ],
        [
            #"{"name": "s0_", "fields": [{"name": "a", "type": "u64", "leads_to": {"block_chain": "t"}}]}"#,
            #"{"name": "t", "fields": [{"name": "a", "type": "u8[4096]"}]}"#,
        ],
        [
            #"{"name": "s0_", "fields": [{"name": "n", "type": "u8"}, "#
                + #"{"name": "a", "type": "t[]", "leads_to": {"count": "n"}}, {"name": "b", "type": "u8"}]}"#,
            #"{"name": "t", "fields": [{"name": "a", "type": "u8"}]}"#,
        ],
    ])
    func `structures without bounds are refused`(structures: [String]) throws {
        let text = #"""
            {"structures": [\#(structures.joined(separator: ", "))],
             "kinds": [{"kind": "k", "place": "flb", "names": ["k"], "payload": "s0_"}]}
            """#
        let document = try DocumentReader.read(KindDocument.self, from: Array(text.utf8))
        #expect(throws: DocumentReadError.self) { _ = try DescribedKind.kinds(in: document) }
    }

    @Test func `structures that lead to each other are not inside of each other`() throws {
        let chain = (0..<5000).map {
            #"{"name": "s\#($0)", "fields": [{"name": "a", "type": "u64", "leads_to": {"structure": "s\#($0 + 1)"}}]}"#
        }
        let text = #"""
            {"structures": [\#(chain.joined(separator: ", ")),
              {"name": "s5000", "fields": [{"name": "i", "type": "inner"}]},
              {"name": "inner", "fields": [{"name": "up", "type": "u64", "leads_to": {"structure": "s5000"}}]}],
             "kinds": [{"kind": "k", "place": "flb", "names": ["k"], "payload": "s0"}]}
            """#
        let document = try DocumentReader.read(KindDocument.self, from: Array(text.utf8))
        #expect(try DescribedKind.kinds(in: document).first?.layouts.count == 5002)
    }

    @Test func `a payload in payloads without end is refused`() throws {
        let depth = 100_000
        let payload =
            #"{"iommus": {"next": "# + String(repeating: #"{"next": "#, count: depth) + "{}"
            + String(repeating: "}", count: depth + 2)
        let text = #"{"kernel": "7.3", "flbs": [{"name": "iommu-liveupdate-v1", "count": 1, "payload": \#(payload)}]}"#
        let state = try DocumentReader.read(Array(text.utf8))
        #expect(throws: PlanError.self) { try HandoverPlanner.plan(state) { _ throws(FileError) in 0 } }
    }
}
