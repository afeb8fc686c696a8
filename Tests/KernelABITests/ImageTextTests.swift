import KernelABI
import Testing

@Suite struct ImageTextTests {
    @Test(arguments: [
        ("vm-alpha", #""vm-alpha""#), ("gäste/β-1", #""gäste/β-1""#), ("a \"b\" \\", #""a \"b\" \\""#),
        ("\u{1b}[31m\n\r\t\0", #""\u{1b}[31m\n\r\t\u{0}""#),
        ("\u{9b}x\u{202e}y\u{feff}", #""\u{9b}x\u{202e}y\u{feff}""#),
        ("\u{2028}\u{a0}", #""\u{2028}\u{a0}""#), ("", #""""#),
    ])
    func `what is not visible is escaped`(text: String, shown: String) {
        #expect(ImageText(text).quoted == shown)
        #expect("\(ImageText(text))" == shown)
        #expect("\(KernelString(text))" == shown)
    }

    @Test func `bytes that are not UTF-8 are told apart`() {
        #expect(ImageText([0x61, 0xff, 0x62]).quoted == #""a\xffb""#)
        #expect(ImageText([0xc3]).quoted == #""\xc3""#)
        #expect(ImageText([0xe2, 0x82, 0x0a]).quoted == #""\xe2\x82\n""#)
        #expect(ImageText([0xef, 0xbf, 0xbd]).quoted == "\"\u{fffd}\"")
    }

    @Test(arguments: [
        ("vm-alpha", "vm-alpha"), ("a b", #""a b""#), ("", #""""#), ("\"", #""\"""#), ("a\n", #""a\n""#), ("β", "β"),
    ])
    func `plain names need no quotes`(text: String, shown: String) {
        #expect(ImageText(text).bare == shown)
    }

    @Test func `a message keeps its own quotes and lines, and steers nothing`() {
        #expect(ImageText.visible("\"a\\\"\n\u{1b}]0;x\u{7} β") == "\"a\\\"\n\\u{1b}]0;x\\u{7} β")
        #expect(ImageText.visible("a\nb", inLine: true) == "a\\nb")
    }
}
