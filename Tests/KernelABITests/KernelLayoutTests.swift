import Foundation
import KernelABI
import Testing

/// The descriptions against the debug information of real kernels.
@Suite struct KernelLayoutTests {
    /// A structure as the type information of a kernel has it.
    struct KernelStructureLayout: Decodable {
        var size: Int
        var members: [Member]

        struct Member: Decodable {
            var name: String
            var type: String
            var offset: Int
            var size: Int
            var count: Int?
            var bit_size: Int?
            var bit_offset: Int?
        }
    }

    static let kernels: [String: [String: KernelStructureLayout]] = {
        guard let bytes = try? Fixture.bytes("kernel-layouts.json") else { return [:] }
        return (try? JSONDecoder().decode([String: [String: KernelStructureLayout]].self, from: Data(bytes))) ?? [:]
    }()

    static let releases = ["6.18.5", "6.19.11", "7.1.13", "7.3.4"]
    static let generations = ["6.18.5": "6.18", "6.19.11": "6.19", "7.1.13": "7.1", "7.3.4": "7.2"]

    @Test func everyKernelIsThere() {
        #expect(Self.kernels.keys.sorted() == Self.releases)
    }

    @Test(arguments: releases) func releaseBelongsToItsGeneration(_ release: String) throws {
        #expect(try #require(Generation(release: release)).name == Self.generations[release])
    }

    @Test(arguments: releases) func everyFieldIsAsInTheKernel(_ release: String) throws {
        let kernel = try #require(Self.kernels[release])
        let described = try #require(Generation(release: release)).structures(pageSize: .kib4)
        var fields = 0
        for structure in described {
            guard let layout = kernel[structure.name] else {
                // A page of bits has no members that type information could tell apart.
                #expect(structure.name == BitmapLayout(byteCount: 4096).structure.name, "\(structure.name)")
                continue
            }
            #expect(structure.size == layout.size, "\(structure.name)")
            #expect(structure.fields.map(\.name) == layout.members.map(\.name), "\(structure.name)")
            for (field, member) in zip(structure.fields, layout.members) {
                let name = "\(structure.name).\(field.name)"
                #expect(field.offset == member.offset, "\(name)")
                #expect(field.size == member.size, "\(name)")
                #expect(field.count == member.count, "\(name)")
                #expect(field.bits?.lowerBound == member.bit_offset, "\(name)")
                #expect(field.bits?.count == member.bit_size, "\(name)")
                if let nested = field.nested?.description {
                    #expect(member.type == "struct \(nested.name)", "\(name)")
                    #expect(nested.size * (field.count ?? 1) == member.size, "\(name)")
                }
                fields += 1
            }
        }
        #expect(fields > 20)
    }

    @Test(arguments: releases) func everyStructureOfTheKernelIsDescribed(_ release: String) throws {
        let described = try #require(Generation(release: release)).structures(pageSize: .kib4).map(\.name)
        #expect(Set(described).count == described.count, "none twice")
        for name in try #require(Self.kernels[release]).keys.sorted() {
            #expect(described.contains(name), "\(name)")
        }
    }
}
