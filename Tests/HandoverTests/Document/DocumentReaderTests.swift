import Foundation
import KernelABI
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

    struct Refusal: Sendable, CustomTestStringConvertible {
        var text: String
        var said: String
        var testDescription: String { text }
    }

    static let refusals = [
        Refusal(text: "", said: "this is not JSON: there is no text"),
        Refusal(text: " \n ", said: "this is not JSON: there is no text"),
        Refusal(text: "{", said: "this is not JSON: line 1: expected \",\" or \"}\" at the end"),
        Refusal(text: "{\n\n\"kernel\" \"7.3\"}", said: "this is not JSON: line 3: expected \":\" here"),
        Refusal(text: "{\"kernel\": \"7.3\",}", said: "this is not JSON: line 1: expected a key here"),
        Refusal(text: "{\"kernel\": \"7.3\" \"a\"}", said: "expected \",\" or \"}\" here"),
        Refusal(text: "{\"kernel\": \"7.3", said: "expected the end of a string"),
        Refusal(text: "{\"kernel\": \"7\u{1}\"}", said: "expected no control character in a string"),
        Refusal(text: "{\"kernel\": \"\\x\"}", said: "expected an escape that JSON has"),
        Refusal(text: "{\"kernel\": \"\\u12\"}", said: "expected four hexadecimal digits behind \\u"),
        Refusal(text: "{\"kernel\": \"\\ud800\"}", said: "expected whole surrogate pairs"),
        Refusal(text: "{\"liveupdate_number\": 012}", said: "expected no zero before a number"),
        Refusal(text: "{\"liveupdate_number\": nope}", said: "expected a value here"),
        Refusal(text: "{} {}", said: "expected nothing here; the document has ended"),
        Refusal(text: "{\"liveupdate_number\": null}", said: ".liveupdate_number: expected an integer"),
        Refusal(text: "{\"liveupdate_number\": 1.5}", said: ".liveupdate_number: expected an integer"),
        Refusal(text: "{\"kernel\": 7}", said: ".kernel: expected a string"),
        Refusal(text: "{\"sessions\": {}}", said: ".sessions: expected an array"),
        Refusal(text: "{\"kernel\": \"7.3\", \"kernel\": \"7.3\"}", said: ".kernel: this key is there before"),
        Refusal(
            text: "{\"luo\": {\"sessions\": []}, \"sessions\": []}",
            said: ".sessions: this is given twice, here and in another place"),
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

    @Test func namesHaveToBeUTF8() throws {
        let text = Array("{\"sessions\": [{\"name\": \"".utf8) + [0xff] + Array("\"}]}".utf8)
        #expect(throws: DocumentReadError.notJSON("line 1: expected UTF-8 here")) { try DocumentReader.read(text) }
    }

    /// What is read of a text that has been tampered with is JSON to another reader, too.
    @Test(arguments: documents) func nothingElseIsTakenForJSON(name: String) throws {
        let text = try Self.text(name)
        var random = SeededGenerator(state: UInt64(name.utf8.count))
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
