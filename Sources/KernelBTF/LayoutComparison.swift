import KernelABI

/// A comparison of the catalogue's structures with those of a kernel.
public struct LayoutComparison: Sendable {
    /// The difference between a field in the catalogue and in the kernel.
    public enum Change: Hashable, Sendable {
        case same
        /// The offset differs, in bits from the beginning of the structure.
        case moved(from: Int, to: Int)
        /// The size differs, in bits; the offset may differ as well.
        case resized(from: Int, to: Int)
        /// Only the kernel has it.
        case added
        /// Only the catalogue has it.
        case gone
    }

    /// A field of the catalogue, the kernel or both.
    public struct Field: Hashable, Sendable {
        public var name: String
        public var change: Change
    }

    /// A structure of the catalogue.
    public struct Structure: Hashable, Sendable {
        public var name: String
        /// The sizes in bytes; the kernel's is `nil` if it does not have the structure.
        public var size: Int
        public var kernelSize: Int?
        public var fields: [Field]

        /// Whether the kernel's structure is identical.
        public var isSame: Bool { size == kernelSize && fields.allSatisfy { $0.change == .same } }
    }

    public let generation: Generation
    public let pageSize: PageSize
    /// The kernel's machine, as stated in the file; otherwise x86_64 if it has `struct setup_data`.
    public let machine: Machine
    public let structures: [Structure]

    /// Whether the kernel lays out all structures as the generation does.
    public var isMatch: Bool { structures.allSatisfy(\.isSame) }

    /// Whether the kernel has none of the structures, because it was built without KHO.
    ///
    /// Ignores the structures of the boot protocol, which every kernel has.
    public var hasNone: Bool {
        let ofBoot = [SetupDataLayout.layout.structure.name, HandoverPointerLayout.layout.structure.name]
        return structures.allSatisfy { $0.kernelSize == nil || ofBoot.contains($0.name) }
    }

    /// The number of structures that differ.
    public var differences: Int { structures.count { !$0.isSame } }

    /// The number of identical structures.
    private var equals: Int { structures.count - differences }

    public init(of generation: Generation, pageSize: PageSize, with types: TypeInformation) {
        self.generation = generation
        self.pageSize = pageSize
        machine =
            types.machine
            ?? (types.structure(named: SetupDataLayout.layout.structure.name) == nil ? .aarch64 : .x86_64)
        structures = generation.structures(pageSize: pageSize, machine: machine).map { description in
            Self.compare(description, types.structure(named: description.name))
        }
    }

    /// The best match for a kernel: the generation and page size with the most identical structures, then the fewest
    /// differences, then the newest generation.
    public static func best(
        of generations: [Generation] = Generation.known, pageSizes: [PageSize] = PageSize.allCases,
        with types: TypeInformation
    ) -> LayoutComparison {
        // An unreleased generation has to match better than released ones.
        let order = generations.filter(\.isReleased).reversed() + generations.filter { !$0.isReleased }
        let all = order.lazy.flatMap { generation in
            pageSizes.lazy.map { LayoutComparison(of: generation, pageSize: $0, with: types) }
        }
        let best = all.max { ($0.equals, -$0.differences) < ($1.equals, -$1.differences) }
        return best ?? LayoutComparison(of: .latest, pageSize: .kib4, with: types)
    }

    private static func compare(
        _ description: StructureDescription, _ kernel: TypeInformation.Structure?
    ) -> Structure {
        guard let kernel else {
            return Structure(
                name: description.name, size: description.size, kernelSize: nil,
                fields: description.fields.map { Field(name: $0.name, change: .gone) })
        }
        var fields: [Field] = []
        for field in description.fields {
            guard let member = kernel.members.first(where: { $0.name == field.name }) else {
                fields.append(Field(name: field.name, change: .gone))
                continue
            }
            let (offset, size) = (field.bitRange.lowerBound, field.bitRange.count)
            if let found = member.bitSize, found != size {
                fields.append(Field(name: field.name, change: .resized(from: size, to: found)))
            } else if member.bitOffset != offset {
                fields.append(Field(name: field.name, change: .moved(from: offset, to: member.bitOffset)))
            } else {
                fields.append(Field(name: field.name, change: .same))
            }
        }
        for member in kernel.members where !description.fields.contains(where: { $0.name == member.name }) {
            fields.append(Field(name: member.name.isEmpty ? "(anonymous)" : member.name, change: .added))
        }
        return Structure(name: description.name, size: description.size, kernelSize: kernel.size, fields: fields)
    }
}
