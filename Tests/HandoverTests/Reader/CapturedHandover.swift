import Foundation
import Handover
import KernelABI
import SystemPackage
import TestSupport
import Testing

extension CapturedHandover {
    /// The results of an independent reader.
    func expected() throws -> ExpectedHandover {
        let bytes = try Fixture.bytes("captures/\(name).expected.json")
        return try JSONDecoder().decode(ExpectedHandover.self, from: Data(bytes))
    }
}

/// The format of the `expected.json` files, which is that of the reader that wrote them.
struct ExpectedHandover: Decodable {
    var fdt_pa: Hex
    var fdt_size: UInt64
    var compatible: String
    var preserved_memory_map: Hex
    var subtrees: [Subtree]
    var preserved: Preserved

    struct Subtree: Decodable {
        var name: String
        var pa: Hex
        var size: UInt64?
        var memblock: Memblock?
        var luo: LUO?
        var kexec_metadata: KexecMetadata?
    }

    struct Memblock: Decodable {
        var compatible: String
        var regions: [Region]
        struct Region: Decodable {
            var name: String
            var start: Hex
            var size: UInt64
        }
    }

    struct KexecMetadata: Decodable {
        var version: UInt32
        var previous_release: String
        var kexec_count: UInt32
    }

    struct LUO: Decodable {
        var compatible: String
        var liveupdate_number: UInt64
        var sessions_pa: Hex
        var sessions: [Session]
        var flb_pa: Hex?
        var flb_pgcnt: UInt64?
        var flbs: [FLB]?
    }

    struct Session: Decodable {
        var name: String
        var files_pa: Hex
        var count: UInt64
        var files: [File]
    }

    struct File: Decodable {
        var compatible: String
        var data: Hex
        var token: Hex
        var memfd: MemFD?
    }

    struct MemFD: Decodable {
        var seals: UInt32?
        var flags: UInt32?
        var pos: UInt64
        var size: UInt64
        var nr_folios: UInt64
        var folios: Vmalloc
        var list: [Folio]
    }

    struct Vmalloc: Decodable {
        var first: Hex
        var total_pages: UInt32
        var flags: UInt16
        var order: UInt16
    }

    struct Folio: Decodable {
        var pfn: Hex
        var flags: UInt16
        var index: UInt64
    }

    struct FLB: Decodable {
        var name: String
        var data: Hex
        var count: UInt64
    }

    struct Preserved: Decodable {
        var pages: UInt64
        var bytes: UInt64
        var by_order: [String: UInt64]
        var ranges: [[Hex]]
    }

    /// A number as `"0x…"`.
    struct Hex: Decodable, Equatable {
        var value: UInt64

        init(from decoder: any Decoder) throws {
            let text = try decoder.singleValueContainer().decode(String.self)
            guard text.hasPrefix("0x"), let value = UInt64(text.dropFirst(2), radix: 16) else {
                throw DecodingError.dataCorrupted(
                    DecodingError.Context(codingPath: decoder.codingPath, debugDescription: text))
            }
            self.value = value
        }
    }
}
