import KernelABI

/// The catalogue's structures held against a kernel's own.
public struct LayoutComparison: Sendable {
    /// What became of a field.
    public enum Change: Hashable, Sendable {
        case same
        /// It begins elsewhere; bits from the structure's beginning.
        case moved(from: Int, to: Int)
        /// It has another size, in bits; the place may differ as well.
        case resized(from: Int, to: Int)
        /// The kernel has it, the catalogue does not.
        case added
        /// The catalogue has it, the kernel does not.
        case gone
    }

    /// A field of either.
    public struct Field: Hashable, Sendable {
        public var name: String
        public var change: Change
    }

    /// A structure of the catalogue.
    public struct Structure: Hashable, Sendable {
        public var name: String
        /// The sizes in bytes; the kernel's is `nil` if it has no such structure.
        public var size: Int
        public var kernelSize: Int?
        public var fields: [Field]

        /// Whether the kernel has the very same.
        public var isSame: Bool { size == kernelSize && fields.allSatisfy { $0.change == .same } }
    }

    public let generation: Generation
    public let pageSize: PageSize
    /// The kernel's machine: as the file says, or else x86_64 if it has `struct setup_data`.
    public let machine: Machine
    public let structures: [Structure]

    /// Whether the kernel lays everything out as the generation does.
    public var isMatch: Bool { structures.allSatisfy(\.isSame) }

    /// Whether the kernel has none of the structures: it was built without KHO.
    ///
    /// What boot loaders know, every kernel has.
    public var hasNone: Bool {
        let ofBoot = [SetupDataLayout.layout.structure.name, HandoverPointerLayout.layout.structure.name]
        return structures.allSatisfy { $0.kernelSize == nil || ofBoot.contains($0.name) }
    }

    /// The structures that are not the same.
    public var differences: Int { structures.count { !$0.isSame } }

    /// The structures that are the same.
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

    /// The comparison with what fits a kernel best: the generation and the page size with most equal structures, and of
    /// those the ones with fewest differences; the newest of equals.
    public static func best(
        of generations: [Generation] = Generation.known, pageSizes: [PageSize] = PageSize.allCases,
        with types: TypeInformation
    ) -> LayoutComparison {
        // What is not released yet has to fit better.
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
