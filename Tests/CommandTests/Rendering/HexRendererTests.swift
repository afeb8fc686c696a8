import FDT
import Handover
import KernelABI
import TestSupport
import Testing

@testable import luo_fdt

@Suite struct HexRendererTests {
    // MARK: - Every byte is accounted for

    @Test(arguments: CapturedHandover.names)
    func capturesAreAccountedFor(name: String) throws {
        let document = try CapturedHandover(name: name).read()
        let (memory, reading) = (document.memory, document.reading)
        for extent in reading.extents where extent.role.isMetadata {
            let bytes = try memory.withBytes(at: extent.address, count: extent.byteCount) { span in
                span.withUnsafeBytes { [UInt8]($0) }
            }
            expectAccount(of: bytes, extent.form)
        }
    }

    static let forms: [Extent.Form] = {
        let structures = Set(Generation.all.flatMap { $0.structures(pageSize: .kib4) })
        let header = BlockHeaderLayout.layout.structure
        return [.tree, .opaque] + structures.map { .structure($0) }
            + structures.map { .records(header: header, record: $0, count: 3) }
            + structures.map { .slice(of: $0, from: 4096 + 13, count: 90) }
            + [
                .records(header: nil, record: FolioLayout.layout.structure, count: .max),
                .records(header: nil, record: FileLayout.v1.structure, count: -1),
            ]
    }()

    @Test func anyBytesAreAccountedForInEveryForm() {
        var random = SplitMix64(seed: 1)
        for form in Self.forms {
            for count in [0, 1, 3, 8, 15, 16, 17, 47, 100, 300] {
                expectAccount(of: bytes(count, &random), form)
                expectAccount(of: [UInt8](repeating: 0, count: count), form)
                expectAccount(of: [UInt8](repeating: 0xff, count: count), form)
            }
            expectAccount(of: bytes(5000, &random), form)
        }
    }

    @Test func damagedTreesAreAccountedFor() throws {
        var random = SplitMix64(seed: 2)
        for name in ["fdt/board.dtb", "fdt/board-v3.dtb", "fdt/board-v16.dtb", "fdt/linux-7.1/kho-root.dtb"] {
            let whole = try Fixture.bytes(name)
            for count in stride(from: 0, through: whole.count, by: 7) {
                expectAccount(of: Array(whole.prefix(count)), .tree)
            }
            for _ in 0..<300 {
                var damaged = whole
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    let place = Bool.random(using: &random) ? 40 : whole.count
                    damaged[Int.random(in: 4..<place, using: &random)] =
                        [0, 1, 0x28, 0xff].randomElement(using: &random) ?? 0
                }
                expectAccount(of: damaged, .tree)
            }
        }
    }

    /// Checks that the annotations and the text account for all bytes.
    private func expectAccount(of bytes: [UInt8], _ form: Extent.Form, _ location: SourceLocation = #_sourceLocation) {
        var next = 0
        var isSound = true
        StructureAnnotator(bytes: bytes).annotate(form) { annotation in
            isSound = isSound && annotation.range.lowerBound == next && annotation.range.upperBound <= bytes.count
            if case .filler(let byte) = annotation.kind {
                isSound = isSound && bytes[annotation.range].allSatisfy { $0 == byte }
            }
            next = annotation.range.upperBound
        }
        #expect(isSound && next == bytes.count, sourceLocation: location)
        let text = text {
            HexRenderer().render("bytes", address: PhysicalAddress(0x1000), bytes: bytes, form: form, to: &$0)
        }
        #expect(shown(text) == bytes, sourceLocation: location)
    }

    /// The bytes shown or counted in the text.
    private func shown(_ text: String) -> [UInt8] {
        var bytes: [UInt8] = []
        for line in text.split(separator: "\n").dropFirst() {
            guard let plus = line.utf8.firstIndex(of: UInt8(ascii: "+")),
                let column = line.utf8[plus...].firstIndex(of: UInt8(ascii: " "))
            else { continue }
            let rest = Array(line.utf8[column...].dropFirst(2).prefix(47))
            let words = rest.split { " ()".utf8.contains($0) }.map { String(decoding: $0, as: UTF8.self) }
            if rest.first == UInt8(ascii: "*") {
                // * (32 bytes the same)
                let row = bytes.suffix(16)
                for _ in 0..<(Int(words[1]) ?? 0) / 16 { bytes += row }
            } else if rest.first == UInt8(ascii: "(") {
                // (48 bytes of 00)
                bytes += [UInt8](repeating: UInt8(words[3], radix: 16) ?? 0x55, count: Int(words[0]) ?? 0)
            } else {
                bytes += words.compactMap { UInt8($0, radix: 16) }
            }
        }
        return bytes
    }

    private func bytes(_ count: Int, _ random: inout SplitMix64) -> [UInt8] {
        // Runs of zeros between others, as real pages have them.
        var bytes: [UInt8] = []
        while bytes.count < count {
            let run = Int.random(in: 1...60, using: &random)
            bytes +=
                Bool.random(using: &random)
                ? [UInt8](repeating: 0, count: run) : (0..<run).map { _ in UInt8.random(in: 0...255, using: &random) }
        }
        return Array(bytes.prefix(count))
    }

    // MARK: - Text

    @Test func showsRecords() {
        let session = SessionLayout.v1
        var bytes = [UInt8](repeating: 0, count: 128)
        BlockHeaderLayout.layout.count.write(1, to: &bytes)
        session.name.write("vm \u{1b}[2J", to: &bytes, at: 16)
        session.fileSet.layout.files.write(PhysicalAddress(0xebd000), to: &bytes, at: 16 + session.fileSet.offset)
        session.fileSet.layout.count.write(3, to: &bytes, at: 16 + session.fileSet.offset)
        let form = Extent.Form.records(
            header: BlockHeaderLayout.layout.structure, record: session.structure, count: 1)
        #expect(
            text {
                HexRenderer().render("sessions", address: PhysicalAddress(0xebc000), bytes: bytes, form: form, to: &$0)
            }
                == #"""
                sessions at 0xebc000, 128 bytes
                0xebc000  +0000  00 00 00 00 00 00 00 00                          kho_block_header_ser.next                 none
                0xebc008  +0008  01 00 00 00 00 00 00 00                          kho_block_header_ser.count                1
                0xebc010  +0010  76 6d 20 1b 5b 32 4a 00 00 00 00 00 00 00 00 00  luo_session_ser[0].name                   "vm \u{1b}[2J"
                0xebc020  +0020  (48 bytes of 00)
                0xebc050  +0050  00 d0 eb 00 00 00 00 00                          luo_session_ser[0].file_set_ser.files     0xebd000 (luo_file_ser)
                0xebc058  +0058  03 00 00 00 00 00 00 00                          luo_session_ser[0].file_set_ser.count     3
                0xebc060  +0060  (32 bytes of 00)                                 zeros


                """#)
    }

    @Test func showsBitFieldsFlagsAndWhatIsCutShort() {
        let folio = FolioLayout.layout
        var word: UInt64 = 0
        folio.pfn.insert(0x1234, into: &word)
        folio.flags.insert(7, into: &word)
        var bytes = [UInt8](repeating: 0, count: 16)
        folio.pfn.word.write(word, to: &bytes)
        #expect(
            text {
                HexRenderer().render(
                    "folios", address: nil, bytes: bytes + [1, 2, 3],
                    form: .records(header: nil, record: folio.structure, count: 9), to: &$0)
            } == """
                folios, 19 bytes
                +0000  34 12 00 00 00 00 70 00                          memfd_luo_folio_ser[0].pfn                4660 (0x1234)
                +0008                                                   memfd_luo_folio_ser[0].flags              0x7 (dirty|uptodate|0x4)
                +0008  00 00 00 00 00 00 00 00                          memfd_luo_folio_ser[0].index              0
                +0010  01 02 03                                         memfd_luo_folio_ser[1].pfn                truncated: 3 of 8 bytes


                """)
    }

    @Test func showsTablesAndBitmapsInRuns() {
        let table = RadixNodeLayout(pageSize: .kib4)
        var bytes = [UInt8](repeating: 0, count: 4096)
        table.table[2].write(PhysicalAddress(0x5000), to: &bytes)
        #expect(
            text {
                HexRenderer().render("table", address: nil, bytes: bytes, form: .structure(table.structure), to: &$0)
            } == """
                table, 4096 bytes
                +0000  (16 bytes of 00)                                 kho_radix_node.table[0..1]                2 zero entries
                +0010  00 50 00 00 00 00 00 00                          kho_radix_node.table[2]                   0x5000 (kho_radix_node)
                +0018  (4072 bytes of 00)                               kho_radix_node.table[3..511]              509 zero entries


                """)
        let leaf = RadixLeafLayout(pageSize: .kib4)
        bytes = [UInt8](repeating: 0, count: 4096)
        bytes[0] = 0b1011
        for offset in 16..<64 { bytes[offset] = 0xff }
        bytes[70] = 1
        #expect(
            text { HexRenderer().render("leaf", address: nil, bytes: bytes, form: .structure(leaf.structure), to: &$0) }
                == """
                leaf, 4096 bytes
                +0000  0b 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  kho_radix_leaf.bitmap                     bits 0-1,3
                +0010  (48 bytes of ff)                                 kho_radix_leaf.bitmap                     bits 128-511 set
                +0040  00 00 00 00 00 00 01 00 00 00 00 00 00 00 00 00  kho_radix_leaf.bitmap                     bit 560
                +0050  (4016 bytes of 00)                               kho_radix_leaf.bitmap                     bits 640-32767 clear


                """)
    }

    @Test func showsTrees() throws {
        let bytes = try Fixture.bytes("fdt/linux-6.18/memblock.dtb")
        let shown = text { HexRenderer().render("memblock", address: nil, bytes: bytes, form: .tree, to: &$0) }
        for line in [
            #"d0 0d fe ed                                      fdt_header.magic                          0xd00dfeed"#,
            #"00 00 00 01 74 65 73 74 62 6c 6b 00              FDT_BEGIN_NODE                            "testblk""#,
            #"6d 65 6d 62 6c 6f 63 6b 2d 76 31 00                value                                   "memblock-v1""#,
            #"00 00 00 09                                      FDT_END"#,
        ] {
            #expect(shown.contains(line))
        }
    }

    @Test func showsBytesWithoutAStructure() {
        let bytes = Array("KHO\u{1b}[2J blob....".utf8) + [UInt8](repeating: 0x2e, count: 48)
        #expect(
            text { HexRenderer().render("blob", address: nil, bytes: bytes, form: .opaque, to: &$0) } == """
                blob, 64 bytes
                +0000  4b 48 4f 1b 5b 32 4a 20 62 6c 6f 62 2e 2e 2e 2e  |KHO.[2J blob....|
                +0010  2e 2e 2e 2e 2e 2e 2e 2e 2e 2e 2e 2e 2e 2e 2e 2e  |................|
                +0020  * (32 bytes the same)


                """)
    }
}
