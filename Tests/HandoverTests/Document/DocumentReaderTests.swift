import Foundation
import KernelABI
import TestSupport
import Testing

@testable import Handover

@Suite struct DocumentReaderTests {
    static let documents = ["6.18-basic", "7.1-basic", "7.3-basic", "7.3-names"]

    static func text(_ name: String) throws -> [UInt8] {
        try Fixture.bytes("golden/\(name).json")
    }

    @Test(arguments: documents, [1, 2, 3, 7, 61, 4093])
    func windowsMakeNoDifference(name: String, portion: Int) throws {
        let text = try Self.text(name)
        #expect(try DocumentReader.read(text, portion: portion) == DocumentReader.read(text))
    }

    @Test func namesMayBeEscaped() throws {
        let text = #"{"sessions": [{"name": "a\"b\\c\/\u0041\u00e4\u20ac\ud83d\ude00\t", "files": []}]}"#
        for portion in [1, 5, 1000] {
            let state = try DocumentReader.read(Array(text.utf8), portion: portion)
            #expect(state.luo?.sessions?.first?.name == "a\"b\\c/Aä€😀\t")
        }
    }

    @Test(arguments: ["12", "\"12\"", "\"0xc\"", "\"0XC\"", "12.0", "1.2e1", " 12 "])
    func integersHaveManyForms(form: String) throws {
        let state = try DocumentReader.read(Array("{\"liveupdate_number\": \(form)}".utf8))
        #expect(state.luo?.liveUpdateNumber == 12)
    }

    @Test func theLargestIntegerFits() throws {
        for form in ["18446744073709551615", "\"0xffffffffffffffff\""] {
            let state = try DocumentReader.read(Array("{\"liveupdate_number\": \(form)}".utf8))
            #expect(state.luo?.liveUpdateNumber == .max)
        }
    }

    @Test(arguments: ["0", "f", "1234567", "89ABCDEF", "012345678", "fedcba987654321", "0123456789abcdef"])
    func hexadecimalDigitsAreOnlyThose(digits: String) throws {
        for place in 0..<digits.utf8.count {
            for byte in UInt8(0)...0x7f where byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\") {
                var changed = Array(digits.utf8)
                changed[place] = byte
                let text = String(decoding: changed, as: UTF8.self)
                // Followed by more text, as in a long document.
                let document = "{\"liveupdate_number\": \"0x\(text)\"}" + String(repeating: " ", count: 32)
                let state = try? DocumentReader.read(Array(document.utf8))
                // The initializer accepts a sign, too.
                let number = byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") ? nil : UInt64(text, radix: 16)
                #expect(state?.luo?.liveUpdateNumber == number, "\(text)")
                #expect(try state == nil || DocumentReader.read(Array(document.utf8), portion: 1) == state)
            }
        }
    }

    @Test(arguments: ["0x10000000000000000", "0xfedcba98765432100", "0x12345678123456781"])
    func numbersOfSeventeenDigitsAreTooLarge(number: String) {
        #expect(throws: DocumentReadError.self) {
            try DocumentReader.read(Array("{\"liveupdate_number\": \"\(number)\", \"kernel\": \"7.3\"}        ".utf8))
        }
    }

    @Test(arguments: [1, 3, 1000]) func keysStandInAnyFormOfWhiteSpace(portion: Int) throws {
        let forms = [
            #"{"kernel":"7.3","page_size":4096}"#, "{ \"kernel\" : \"7.3\" , \"page_size\" : 4096 }",
            "{\n\t\"kernel\"\n:\n\"7.3\"\n,\n\"page_size\"\r\n:\r\n4096\r\n}\n",
            "{\n  \"kernel\":  \"7.3\",\n                   \"page_size\":\t4096\n}",
            #"{"page_size": 4096, "kernel": "7.3"}"#, #"{"\u006bernel": "7.3", "page_size": 4096}"#,
        ]
        for form in forms {
            let state = try DocumentReader.read(Array(form.utf8), portion: portion)
            #expect(state.kernel == "7.3" && state.pageSize == .kib4, "\(form)")
        }
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        var text: String
        var said: String
        var testDescription: String { text }
    }

    static let refusals = [
        Refusal(text: "", said: "this is not JSON: empty text"),
        Refusal(text: " \n ", said: "this is not JSON: empty text"),
        Refusal(text: "hello", said: "this is not JSON: line 1, column 1: expected a value here"),
        Refusal(text: "{\"sessions\": hello}", said: "this is not JSON: line 1, column 14: expected a value here"),
        Refusal(text: "{", said: "this is not JSON: line 1, column 2: expected \",\" or \"}\" at the end"),
        Refusal(text: "{\n\n\"kernel\" \"7.3\"}", said: "this is not JSON: line 3, column 10: expected \":\" here"),
        Refusal(text: "{\"kernel\": \"7.3\",}", said: "this is not JSON: line 1, column 18: expected a key here"),
        Refusal(text: "{\"kernel\": \"7.3\" \"a\"}", said: "expected \",\" or \"}\" here"),
        Refusal(text: "{\"kernel\": \"7.3", said: "line 1, column 12: expected the end of the string that begins here"),
        Refusal(text: "{\"kernel\": \"7\u{1}\"}", said: "expected no control character in a string"),
        Refusal(text: "{\"kernel\": \"\\x\"}", said: "expected a valid escape sequence"),
        Refusal(text: "{\"kernel\": \"\\u12\"}", said: "expected four hexadecimal digits after \\u"),
        Refusal(text: "{\"kernel\": \"\\ud800\"}", said: "expected complete surrogate pairs"),
        Refusal(text: "{\"liveupdate_number\": 012}", said: "expected a number here; 012"),
        Refusal(text: "{\"liveupdate_number\": nope}", said: "expected a value here"),
        Refusal(text: "{} {}", said: "expected the end of the document here"),
        Refusal(text: "{\"liveupdate_number\": null}", said: ".liveupdate_number: expected an integer"),
        Refusal(text: "{\"liveupdate_number\": 1.5}", said: ".liveupdate_number: expected an integer"),
        Refusal(text: "{\"kernel\": 7}", said: ".kernel: expected a string"),
        Refusal(text: "{\"sessions\": {}}", said: ".sessions: expected an array"),
        Refusal(text: "{\"kernel\": \"7.3\", \"kernel\": \"7.3\"}", said: ".kernel: duplicate key"),
        Refusal(
            text: "{\"luo\": {\"sessions\": []}, \"sessions\": []}",
            said: ".sessions: this is given twice, here and elsewhere"),
        Refusal(
            text: "{\"sessions\": [{\"name\": \"a\"}, {\"name\": \"b\", \"files\": [{}]}]}",
            said: ".sessions[1].files[0]: missing key \"token\""),
        Refusal(
            text: "{\"sessions\": [{\"name\": {\"base64\": \"%\"}}]}", said: ".sessions[0].name: expected a string, or"),
    ]

    @Test(arguments: refusals) func whatIsNoDocumentIsRefused(_ refusal: Refusal) throws {
        for portion in [1, 4, 1000] {
            let error = try #require(throws: DocumentReadError.self) {
                try DocumentReader.read(Array(refusal.text.utf8), portion: portion)
            }
            #expect(error.description.contains(refusal.said), "\(error)")
        }
    }

    /// Reading continues after an error, wherever in a value it was found.
    @Test(arguments: [1, 4, 1000]) func allProblemsAreTold(portion: Int) throws {
        let text = #"""
            {"kernl": "7.3", "liveupdate_number": [1, {"a": "}"}], "sessions": [
              {"name": "a", "files": [{"tokn": 1}, {"token": {}, "compatible": 7}, 3], "fils": [[], {}]},
              {"name": {"base64": "%"}}, {}], "flbs": {"name": "x"}}
            """#
        let error = try #require(throws: DocumentReadError.self) {
            try DocumentReader.read(Array(text.utf8), portion: portion)
        }
        let said = error.description.split(separator: "\n").map(String.init)
        let expected = [
            #".: unknown key "kernl"; did you mean "kernel"?"#, ".liveupdate_number: expected an integer",
            #".sessions[0].files[0]: unknown key "tokn"; did you mean "token"?"#,
            ".sessions[0].files[1].token: expected an integer",
            ".sessions[0].files[1].compatible: expected", ".sessions[0].files[2]: expected an object",
            #".sessions[0]: unknown key "fils"; did you mean "files"?"#, ".sessions[1].name: expected a string, or",
            #".sessions[2]: missing key "name""#, ".flbs: expected an array",
        ]
        for (line, start) in zip(said, expected) { #expect(line.hasPrefix(start)) }
        #expect(said.count == expected.count, "\(said)")
    }

    @Test func ofManyProblemsTheFirstAreTold() throws {
        let text = #"{"sessions": ["# + Array(repeating: "7", count: 50).joined(separator: ",") + "]}"
        let error = try #require(throws: DocumentReadError.self) { try DocumentReader.read(Array(text.utf8)) }
        let lines = error.description.split(separator: "\n")
        #expect(lines.count == DocumentError.limit + 1)
        #expect(lines.last == "there may be more: these are the first 20")
    }

    @Test func namesHaveToBeUTF8() throws {
        let text = Array("{\"sessions\": [{\"name\": \"".utf8) + [0xff] + Array("\"}]}".utf8)
        #expect(throws: DocumentReadError.notJSON("line 1, column 24: expected UTF-8 in the string that begins here")) {
            try DocumentReader.read(text)
        }
    }

    /// If a modified text can be read, another reader must accept it as JSON, too.
    @Test(arguments: documents) func nothingElseIsTakenForJSON(name: String) throws {
        let text = try Self.text(name)
        var random = SplitMix64(seed: UInt64(name.utf8.count))
        for _ in 0..<150 {
            var changed = text
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let place = Int.random(in: changed.indices, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: changed.remove(at: place)
                case 1: changed[place] = UInt8.random(in: 0x20...0x7f, using: &random)
                default: changed.insert(Array("{}[],:\"\\0".utf8).randomElement(using: &random) ?? 0, at: place)
                }
            }
            guard (try? DocumentReader.read(changed, portion: 4096)) != nil else { continue }
            let other = try? JSONSerialization.jsonObject(with: Data(changed))
            #expect(other != nil, "\(String(decoding: changed, as: UTF8.self))")
        }
    }
}
