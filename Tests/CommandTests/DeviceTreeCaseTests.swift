import FDT
import Foundation
import TestSupport
import Testing

/// Device trees from other sources, and handovers with trees that kernels reject.
@Suite struct DeviceTreeCaseTests {
    /// A tree, the exit status of `dump`, and text in its output or errors.
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let status: Int32
        let said: String
        var testDescription: String { name }

        init(_ name: String, _ status: Int32, _ said: String) {
            self.name = name
            self.status = status
            self.said = said
        }
    }

    static let cases = [
        Case("plain", 0, "Not a handover"), Case("dup-prop", 1, "property \"compatible\" twice, expected each once"),
        Case("v2", 0, "FDT without compatible"),
        Case("01-v3-hex-misaligned", 0, "FDT, old,board"),
        Case("trailing", 0, "after the FDT 128 bytes that are not shown\n"),
        Case("two-in-a-row", 0, "after the FDT 154 bytes that are not shown: another FDT begins there\n"),
        Case("07-two-trees", 0, "after the FDT 150 bytes that are not shown: another FDT begins there\n"),
        Case("02-kho-v5", 1, #"found "kho-v5", expected one of kho-v1, kho-v3, kho-v4"#),
        Case(
            "08-nop-after-root", 1,
            "tag 0x4 at 0x50 stands after the root node, expected a structure block that libfdt accepts"),
        Case("09-magic-8-bytes", 2, "it begins like an FDT, but has only 8 bytes; the header has 40"),
        Case("10-named-root", 1, "the root node at 0x38 has a name, expected a structure block that libfdt accepts"),
        Case("bad-token", 1, "0x7 is not a tag, expected a structure block that libfdt accepts"),
        Case("nameoff", 1, "is at 0xf423f, where there is no string, expected a strings block that libfdt accepts"),
        Case("unterminated", 1, "where there is no string, expected a strings block that libfdt accepts"),
        Case("v3", 1, "0x2f637075 is not a tag, expected a structure block that libfdt accepts"),
    ]

    @Test(arguments: cases) func `dump says what a tree is, and what is wrong with it`(_ tree: Case) throws {
        let dump = try Command("dump", "cases/fdt/\(tree.name).dtb")
        #expect(dump.status == tree.status)
        #expect((dump.text + dump.errors).contains(tree.said), "\(dump.text)\(dump.errors)")
        #expect(!dump.errors.contains("bytes (totalsize), of which"))
    }

    @Test(arguments: cases.filter { $0.name != "02-kho-v5" && $0.status < 2 })
    func `check says that a plain tree is no handover`(_ tree: Case) throws {
        let check = try Command("check", "cases/fdt/\(tree.name).dtb")
        #expect(check.status == 2)
        #expect(check.text == "")
        #expect(check.errors.contains("this is not a handover"))
    }

    @Test func `a kernel not yet known is shown as far as it can be, with what looks further`() throws {
        let dump = try Command("dump", "cases/fdt/02-kho-v5.dtb")
        #expect(dump.text.contains("Handover of an unknown kernel"))
        #expect(dump.text.contains("kho-v5"))
        #expect(dump.errors.contains("--kernel 7.3 reads it as the newest one that is, --format dts and --format hex"))
        #expect(try Command("dump", "--format", "dts", "cases/fdt/02-kho-v5.dtb").text.contains("\"kho-v5\""))
        #expect(try Command("dump", "--kernel", "7.3", "cases/fdt/02-kho-v5.dtb").text.contains("7.3"))
        #expect(try Command("check", "cases/fdt/02-kho-v5.dtb").text.contains("[root-compatible]"))
    }

    @Test func `equal trees are equal, and both of two missing files are named`() throws {
        #expect(try Command("diff", "cases/fdt/plain.dtb", "cases/fdt/plain-copy.dtb").status == 0)
        let diff = try Command("diff", "nope1", "nope2")
        #expect(diff.status == 2)
        #expect(diff.errors.contains("nope1") && diff.errors.contains("nope2"))
    }

    @Test func `numbers are shown as native where KHO and LUO write them, and nowhere else`() throws {
        let name = "cases/fdt/06-le-comment.dtb"
        #expect(!(try Command("dump", "--format", "dts", name).text.contains("; /*")))
        #expect(!(try Command("dump", "--format", "hex", name).text.contains("little-endian")))
        let memblock = "fdt/linux-7.1/memblock.dtb"
        #expect(try Command("dump", "--format", "dts", memblock).text.contains("; /* 0x10000 */"))
        #expect(try Command("dump", "--format", "hex", memblock).text.contains("0x10000 (little-endian u64)"))
    }

    @Test func `hex shows where old trees align values`() throws {
        let hex = try Command("dump", "--format", "hex", "cases/fdt/01-v3-hex-misaligned.dtb").text
        #expect(hex.contains("+005c  00 00 00 00                                      padding\n+0060  6f 6c 64"))
    }

    @Test func `what comes after a tree is named in every format`() throws {
        for format in ["tree", "json", "dts", "hex"] {
            let dump = try Command("dump", "--format", format, "cases/fdt/07-two-trees.dtb")
            #expect((dump.text + dump.errors).contains("150 bytes that are not shown"), "\(format)")
        }
    }

    @Test func `a kernel that is well given and not known is no wrong usage`() throws {
        for arguments in [["dump", "cases/fdt/plain.dtb"], ["check", "cases/fdt/plain.dtb"], ["layout"]] {
            let command = try Command(arguments + ["--kernel", "7.9"])
            #expect(command.status == 2)
            #expect(command.errors.hasPrefix("luo-fdt: kernel 7.9 is not known here; known are 6.16, "))
        }
    }

    // MARK: Text

    /// Whether text can control a terminal: it has control characters other than line feeds and tabs.
    private func steers(_ text: String) -> Bool {
        text.unicodeScalars.contains { $0.properties.generalCategory == .control && $0 != "\n" && $0 != "\t" }
    }

    @Test func `a name that would steer a terminal reaches none`() throws {
        let name = "cases/check/03-escape-in-subtree-name.elf"
        let commands = [
            ["dump", name], ["dump", "--format", "dts", name], ["dump", "--format", "hex", name],
            ["dump", "--format", "json", name], ["dump", "--format", "dts", "--subtree", "no", name], ["check", name],
            ["extract", "--session", "no", "--token", "1", "-o", "/dev/null", name],
            ["diff", name, "captures/7.3/basic.elf"],
        ]
        for arguments in commands {
            let command = try Command(arguments)
            #expect(!steers(command.text) && !steers(command.errors), "\(arguments)")
        }
        // A line feed in the name does not end a comment.
        let source = try Command("dump", "--format", "dts", name).text
        #expect(source.contains(#"\u{1b}"#))
        for line in source.split(separator: "\n") where line.contains(#"\u{1b}"#) {
            #expect(line.drop { $0 == "\t" }.hasPrefix("/*") || line.contains("// ") || line.contains(" /* "))
        }
    }

    // MARK: Alignment

    @Test func `a root whose blocks are misaligned is ignored, whatever the libfdt here takes`() throws {
        let check = try Command("check", "cases/check/04-root-rsvmap-misaligned.elf")
        #expect(check.status == 7)
        #expect(
            check.text.contains("[root-header]")
                && check.text.contains("FDT_ERR_ALIGNMENT: 0x2c is not a multiple of 8"))
    }

    @Test func `an FDT at an address that is not a multiple of 8 is none`() throws {
        let check = try Command("check", "cases/check/05b-memblock-fdt-at-4-mod-8.elf")
        #expect(check.status == 3)
        #expect(check.text.contains("[memblock-compatible]"))
        #expect(check.text.contains("found an FDT at an address that is not a multiple of 8"))
    }
}
