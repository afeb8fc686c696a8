import Foundation
import KernelABI
import TestSupport
import Testing

@testable import Handover

/// The corrupted handovers in `Fixtures/corruptions`: a valid document, and bytes to change in the image built from it.
struct Corruption: Decodable, Sendable, CustomTestStringConvertible {
    var name: String
    /// What is wrong, in short.
    var summary: String
    /// The name of the document without extension.
    var base: String
    var patches: [Patch]

    var testDescription: String { name }

    /// Bytes at an address, given in one of several forms.
    struct Patch: Decodable, Sendable {
        var pa: String
        var u64: String?
        var u32: String?
        var u16: String?
        var text: String?
        var hex: String?

        var residue: ResidueState {
            ResidueState(address: PhysicalAddress(Self.number(pa)), data: bytes)
        }

        private var bytes: [UInt8] {
            if let text { return Array(text.utf8) + [0] }
            if let hex {
                var bytes: [UInt8] = []
                var digits = Substring(hex)
                while let byte = UInt8(digits.prefix(2), radix: 16) {
                    bytes.append(byte)
                    digits = digits.dropFirst(2)
                }
                return bytes
            }
            if let u64 { return Self.bytes(u64, 8) }
            if let u32 { return Self.bytes(u32, 4) }
            return Self.bytes(u16 ?? "0", 2)
        }

        private static func bytes(_ text: String, _ size: Int) -> [UInt8] {
            let value = number(text)
            return (0..<size).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
        }

        private static func number(_ text: String) -> UInt64 {
            (text.hasPrefix("0x") ? UInt64(text.dropFirst(2), radix: 16) : UInt64(text)) ?? 0
        }
    }

    static let all: [Corruption] = {
        let text = try? Fixture.bytes("corruptions/recipes.json")
        return text.flatMap { try? JSONDecoder().decode([Corruption].self, from: Data($0)) } ?? []
    }()

    /// Builds the corrupted handover.
    func build() throws -> HandoverImage {
        var state = try DocumentReader.read(try Fixture.bytes("corruptions/\(base).json"))
        state.residue = patches.map(\.residue)
        var options = HandoverPlanner.Options()
        options.force = true
        let planned = try HandoverPlanner.plan(state, options: options) { _ throws(FileError) in 0 }
        return try HandoverImage(of: planned) { _ throws(FileError) in MappedFile(bytes: [], name: "") }
    }
}
