import Testing

@testable import Handover

/// The classes of the public JSON conformance suites, with our own inputs: what RFC 8259 allows is read, and never
/// rounded; what it forbids is rejected; what it leaves open is decided here.
@Suite struct JSONConformanceTests {
    private func number(_ text: String) throws(DocumentReadError) -> UInt64? {
        // Read at once, and byte by byte.
        let document = Array("{\"liveupdate_number\": \(text)}".utf8)
        let state = try DocumentReader.read(document)
        let slowly = try DocumentReader.read(document, portion: 1)
        #expect(slowly == state, "\(text)")
        return state.luo?.liveUpdateNumber
    }

    @Test(
        arguments: [
            ("0", 0), ("-0", 0), ("-0.0e5", 0), ("0e99999999999999999999", 0), ("1E0", 1), ("1e+2", 100),
            ("120e-1", 12),
            ("0.5e1", 5), ("9007199254740993.0", 9_007_199_254_740_993), ("9007199254740993", 9_007_199_254_740_993),
            ("18446744073709551615.000", .max), ("1.8446744073709551615e19", .max), ("184467440737095516150e-1", .max),
            ("1e19", 10_000_000_000_000_000_000),
        ] as [(String, UInt64)])
    func `a number is what its digits say`(text: String, value: UInt64) throws {
        #expect(try number(text) == value)
    }

    @Test(arguments: ["-1", "0.1", "1e-1", "18446744073709551616", "1e20", "1e99999999999999999999", "-1e1", "12e-1"])
    func `a number that is no integer of 64 bits is not taken for one`(text: String) {
        #expect(
            throws: DocumentReadError.document(
                DocumentError(
                    path: ".liveupdate_number",
                    problem: "expected an integer from 0 to 18446744073709551615, or one in a string"
                ))
        ) { try number(text) }
    }

    @Test(arguments: [
        "1.", "01.0", "01", "-01", "00", "1.e1", "1e", "1e+", "1e1.5", "1e1e1", "1..2", "-", "--1", "1-2", "1+1", "+1",
        ".5",
        "-.5", "0x10", "1_000", "NaN", "Infinity", "-Infinity", "1 2", "1a", "１", "'1'", "truE", "nul", "nulll", "",
    ])
    func `what is no value of JSON is not taken for one`(text: String) {
        #expect(throws: DocumentReadError.self, "\(text)") { try number(text) }
    }

    @Test(arguments: [
        "{\"kernel\": \"7.3\",}", "{,}", "{\"kernel\"}", "{\"kernel\": }", "{kernel: \"7.3\"}", "{'kernel': '7.3'}",
        "{\"kernel\": \"7.3\"}}", "{\"kernel\": \"7.3\"", "{\"kernel\": \"7.3\"}x", "{\"kernel\": \"7.3\"} // 7.3",
        "{\"kernel\": /**/ \"7.3\"}", "{\"sessions\": [,]}", "{\"sessions\": [", "{\"sessions\": []",
        "{\"sessions\": [}",
        "{\"sessions\": [\"a\": 1]}", "{\u{a0}}", "{\u{c}}", "{\u{b}}", "\u{2060}{}", "{\"kernel\": \"7\t3\"}",
        "{\"kernel\": \"7\n3\"}", "{\"kernel\": \"\\a\"}", "{\"kernel\": \"\\", "{\"kernel\": \"\\u00\"}",
        "{\"kernel\": \"\\u12G4\"}", "{\"kernel\": \"\\u+123\"}", "{\"kernel\": \"\\U0041\"}",
        "{\"kernel\": \"\\\u{0}\"}",
        // A lone surrogate, and pairs in the wrong order: the RFC leaves this open; they are not text.
        "{\"kernel\": \"\\udc00\"}", "{\"kernel\": \"\\ud800\\ud800\"}", "{\"kernel\": \"\\udc00\\ud800\"}",
        "{\"kernel\": \"\\ud800x\"}",
    ])
    func `what is no text of JSON is refused`(text: String) {
        for portion in [1, 1000] {
            #expect(throws: DocumentReadError.self) { try DocumentReader.read(Array(text.utf8), portion: portion) }
        }
    }

    @Test(
        arguments: [
            [0x80], [0xc3], [0xc0, 0xaf], [0xe0, 0x80, 0xaf], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xff],
            [0xfe],
        ] as [[UInt8]])
    func `a string is UTF-8`(bytes: [UInt8]) {
        let text = Array("{\"kernel\": \"".utf8) + bytes + Array("\"}".utf8)
        #expect(throws: DocumentReadError.notJSON("line 1, column 12: expected UTF-8 in the string that begins here")) {
            try DocumentReader.read(text)
        }
    }

    @Test func `every prefix of a document is refused`() throws {
        let text =
            #"{"kernel": "7.3", "sessions": [{"name": "a\n\u00e4", "files": [{"token": 1.0e1, "data": "0x2"}]}]}"#
        let bytes = Array(text.utf8)
        _ = try DocumentReader.read(bytes)
        for count in bytes.indices {
            #expect(throws: DocumentReadError.self, "\(count)") { try DocumentReader.read(Array(bytes[..<count])) }
        }
    }

    @Test func `a byte order mark is ignored, and UTF-16 is no JSON`() throws {
        for portion in [1, 1000] {
            #expect(
                try DocumentReader.read(Array("\u{feff}{\"kernel\": \"7.3\"}".utf8), portion: portion).kernel == "7.3")
        }
        #expect(throws: DocumentReadError.self) { try DocumentReader.read([0xff, 0xfe, 0x7b, 0, 0x7d, 0]) }
        #expect(throws: DocumentReadError.self) { try DocumentReader.read([0xef, 0xbb]) }
    }

    @Test func `the deepest nesting is no deeper than a document`() {
        let error = #expect(throws: DocumentReadError.self) {
            try DocumentReader.read([UInt8](repeating: UInt8(ascii: "["), count: 1 << 20))
        }
        #expect(error?.description.hasPrefix(".: expected an object") == true)
    }

    @Test(arguments: [1, 7, 1000]) func `lines and columns are those of the text, not those that escapes stand for`(
        portion: Int
    ) {
        let text =
            "{\n\"sessions\": [{\"name\": \"\\n\\n\\u000a\"},\n{\"name\": \"b\\n\",\n\"files\": [{\"token\": nope}]}]}"
        #expect(throws: DocumentReadError.notJSON("line 4, column 21: expected a value here")) {
            try DocumentReader.read(Array(text.utf8), portion: portion)
        }
    }

    @Test func `what a document is quoted with steers no terminal`() {
        let error = #expect(throws: DocumentReadError.self) {
            try DocumentReader.read(Array(#"{"\u001b[31m": 1}"#.utf8))
        }
        #expect(error?.description.hasPrefix(#".: unknown key "\u{1b}[31m"; here are format, kernel, "#) == true)
    }
}
