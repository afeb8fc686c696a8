import Foundation
import KernelABI
import TestSupport
import Testing

/// Compares the descriptions with the debug information of real kernels.
@Suite struct KernelLayoutTests {
    /// A structure according to the type information of a kernel.
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
        ["kernel-layouts.json", "kernel-layouts-arm64.json"].reduce(into: [:]) { kernels, name in
            let bytes = (try? Fixture.bytes(name)) ?? []
            let layouts = try? JSONDecoder().decode([String: [String: KernelStructureLayout]].self, from: Data(bytes))
            kernels.merge(layouts ?? [:]) { $1 }
        }
    }()

    /// A kernel whose debug information is available.
    struct Kernel: CustomTestStringConvertible {
        var name: String
        var release: String
        var generation: String
        var machine = Machine.x86_64
        var pageSize = PageSize.kib4
        var testDescription: String { name }

        var structures: [StructureDescription] {
            Generation(release: release)?.structures(pageSize: pageSize, machine: machine) ?? []
        }
    }

    static let all = [
        Kernel(name: "6.18.5", release: "6.18.5", generation: "6.18"),
        Kernel(name: "6.19.11", release: "6.19.11", generation: "6.19"),
        Kernel(name: "7.1.13", release: "7.1.13", generation: "7.1"),
        Kernel(name: "7.3.4", release: "7.3.4", generation: "7.2"),
        Kernel(name: "vmlinux-7.3-4k", release: "7.3.4", generation: "7.2", machine: .aarch64),
        Kernel(name: "vmlinux-7.3-16k", release: "7.3.4", generation: "7.2", machine: .aarch64, pageSize: .kib16),
        Kernel(name: "vmlinux-7.3-64k", release: "7.3.4", generation: "7.2", machine: .aarch64, pageSize: .kib64),
    ]

    @Test func everyKernelIsThere() {
        #expect(Self.kernels.keys.sorted() == Self.all.map(\.name).sorted())
    }

    @Test(arguments: all) func releaseBelongsToItsGeneration(_ kernel: Kernel) throws {
        #expect(try #require(Generation(release: kernel.release)).name == kernel.generation)
    }

    @Test(arguments: all) func everyFieldIsAsInTheKernel(_ described: Kernel) throws {
        let kernel = try #require(Self.kernels[described.name])
        var fields = 0
        for structure in described.structures {
            guard let layout = kernel[structure.name] else {
                // A page of bits has no members for type information to distinguish.
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

    @Test(arguments: all) func everyStructureOfTheKernelIsDescribed(_ kernel: Kernel) throws {
        let described = kernel.structures.map(\.name)
        #expect(Set(described).count == described.count, "none twice")
        for name in try #require(Self.kernels[kernel.name]).keys.sorted() {
            #expect(described.contains(name), "\(name)")
        }
    }
}
