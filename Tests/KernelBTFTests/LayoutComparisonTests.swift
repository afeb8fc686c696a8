import Foundation
import KernelABI
import TestSupport
import Testing

@testable import KernelBTF

@Suite struct LayoutComparisonTests {
    private func types(_ name: String) throws -> TypeInformation {
        try TypeInformation(path: Fixture.path("btf/\(name).btf"))
    }

    @Test(arguments: [("6.19", "6.19"), ("7.1", "7.1"), ("7.3", "7.2")])
    func `a kernel's own types tell its generation`(file: String, generation: String) throws {
        let best = LayoutComparison.best(with: try types(file))
        #expect(best.isMatch)
        #expect(best.generation.name == generation)
    }

    @Test func `what a kernel of tomorrow changed is named`() throws {
        let comparison = LayoutComparison.best(with: try types("tomorrow"))
        #expect(!comparison.isMatch)
        #expect(comparison.generation.name == "7.2")
        let changes = Dictionary(
            comparison.structures.map { structure in
                (structure.name, structure.fields.filter { $0.change != .same })
            }, uniquingKeysWith: { first, _ in first }
        ).filter { !$0.value.isEmpty }
        typealias Field = LayoutComparison.Field
        #expect(
            changes["luo_session_ser"] == [
                Field(name: "name", change: .resized(from: 512, to: 1024)),
                Field(name: "file_set_ser", change: .moved(from: 512, to: 1024)),
            ])
        #expect(
            changes["luo_flb_ser"] == [
                Field(name: "data", change: .moved(from: 384, to: 448)),
                Field(name: "count", change: .moved(from: 448, to: 384)),
            ])
        #expect(changes["memfd_luo_ser"]?.last == Field(name: "mode", change: .added))
        #expect(changes["kho_kexec_metadata"] == [Field(name: "kexec_count", change: .gone)])
        #expect(comparison.structures.first { $0.name == "kho_data" }?.kernelSize == nil)
        #expect(changes.count == 5)
    }

    /// Fixtures/btf/anonymous.btf is of this C, by pahole --btf_encode_detached:
    ///
    ///     struct outer {
    ///         u32 kind;
    ///         union { u32 id; struct { u16 bus; u16 slot; }; u64 whole; };
    ///         struct { u32 low : 12; u32 high : 20; };
    ///         union { struct { u8 first; u8 second; }; u16 both; };
    ///         struct { u32 x; } named;
    ///     };
    @Test func `members of anonymous structures are the structure's own, and a union is its widest member`() throws {
        let structure = try #require(try types("anonymous").declaration(of: "outer"))
        typealias Member = DeclaredStructure.Member
        #expect(
            structure.members == [
                Member(name: "kind", type: "u32", bitOffset: 0), Member(name: "whole", type: "u64", bitOffset: 64),
                Member(name: "low", type: "u32", bitOffset: 128, bitWidth: 12),
                Member(name: "high", type: "u32", bitOffset: 140, bitWidth: 20),
                Member(name: "first", type: "u8", bitOffset: 160), Member(name: "second", type: "u8", bitOffset: 168),
                Member(name: "named", type: "u8[4]", bitOffset: 192),
            ])
        #expect(structure.size == 32)
    }

    @Test func `a page of another size is another layout`() throws {
        #expect(!LayoutComparison(of: .v7_2, pageSize: .kib16, with: try types("7.3")).isMatch)
    }

    @Test(arguments: [("7.3-arm64-4k", PageSize.kib4), ("7.3-arm64-64k", .kib64)])
    func `an arm64 kernel shows its page size, and has nothing of x86`(file: String, pageSize: PageSize) throws {
        let best = LayoutComparison.best(with: try types(file))
        #expect(best.isMatch)
        #expect(best.generation.name == "7.2")
        #expect(best.machine == .aarch64)
        #expect(best.pageSize == pageSize)
    }

    @Test(arguments: ["/bin/true", "/nonexistent", "/"])
    func `what is no BTF is refused`(path: String) {
        #expect(throws: TypeInformationError.self) { try TypeInformation(path: path) }
    }
}
