/// One generation of the handover ABI: all differences between kernels, as data.
///
/// Each generation has its own file under `Generations/` and is listed in ``all``. Readers, writers and tables take
/// everything from here and never ask which generation it is.
public struct Generation: Sendable, Identifiable {
    /// The first series that has it in all releases, for example `7.2`.
    public let name: String
    /// The series that have it, each given as the first of its releases that does.
    public let releases: [Release]
    /// Whether a kernel with it has been released; until then, anything may change.
    public var isReleased = true
    /// The root FDT.
    public internal(set) var root: RootTree
    /// The form of the map of preserved memory.
    public let preservedMap: PreservedMapForm
    /// LUO's state; `nil` if there is none.
    public internal(set) var luo: LUOState?
    /// The kernel's file handlers. Of several versions, the one that it writes comes first.
    public internal(set) var fileHandlers: [FileHandler]
    /// The subtree of `reserve_mem` regions.
    public internal(set) var memblock = MemblockTree()
    /// The subtree that names the previous kernel; `nil` if there is none.
    public internal(set) var kexecMetadata: KexecMetadataBlob?
    /// Whether vmalloc memory can be preserved.
    public var preservesVmalloc = true
    /// The name of the memory that the next kernel boots from: in `/chosen` (`linux,kho-…`), in debugfs (`…_phys`,
    /// `…_len`) and in `struct kho_data`.
    public var bootMemory = "scratch"

    public var id: String { name }

    /// The names of the subtrees that a kernel looks for, in the order in which it adds its own.
    public var subtrees: [String] {
        [kexecMetadata.map { _ in KexecMetadataBlob.subtree }, luo?.subtree, MemblockTree.subtree].compactMap { $0 }
    }

    /// How KHO finds its subtrees.
    public struct RootTree: Hashable, Sendable {
        public internal(set) var compatible: String
        /// The property that holds the address of the map of preserved memory.
        public let mapProperty = "preserved-memory-map"
        /// The property of a subtree's node that holds its address.
        public let addressProperty: String
        /// The property that holds its size; `nil` if every subtree is an FDT, which states its own.
        public let sizeProperty: String?
        public let construction: Construction
        /// Whether the kernel's libfdt requires the memory reservation block to be 8-byte aligned, and the structure
        /// block 4-byte aligned. Read in the source of 7.3, whose libfdt is the same as in 7.1; seen on both.
        public var alignsBlocks = false

        /// How the kernel builds the tree, which determines its bytes.
        public enum Construction: Hashable, Sendable {
            /// In one sequential pass when the handover is finalized; subtrees are in order of registration.
            case sequential
            /// In a sequential pass without subtrees, then one in-place edit for each: the last one added comes first.
            case edited
        }
    }

    /// The form of the map of preserved memory.
    public enum PreservedMapForm: Hashable, Sendable {
        /// A list of chunks of pointers to bitmaps, grouped by order.
        case chunkedBitmaps(BitmapSize)
        /// A radix tree.
        case radixTree
    }

    /// The size of a bitmap of preserved memory.
    public enum BitmapSize: Hashable, Sendable {
        /// A page, from the page allocator.
        case page
        /// A fixed number of bytes whatever the page size, from `kzalloc`: several per page, each aligned to its size.
        case fixed(Int)

        /// The size in bytes, which is also the alignment.
        public func bytes(pageSize: PageSize) -> Int {
            switch self {
            case .page: pageSize.bytes
            case .fixed(let count): count
            }
        }
    }

    /// LUO's state.
    public struct LUOState: Sendable {
        /// The name of the subtree.
        public let subtree = "LUO"
        public internal(set) var compatible: String
        public let form: Form
        public let sessions: RecordContainer<SessionLayout>
        public let files: RecordContainer<FileLayout>
        /// `nil` if there are no file-lifecycle-bound objects.
        public let flbs: RecordContainer<FLBLayout>?

        /// The layout of the structure with LUO's state; `nil` if the state is an FDT.
        public var record: LUOLayout? {
            if case .record(let layout) = form { layout } else { nil }
        }

        public enum Form: Sendable {
            /// An FDT whose nodes hold addresses.
            case tree(Tree)
            /// A structure.
            case record(LUOLayout)
        }

        /// The nodes and properties of LUO's FDT.
        public struct Tree: Hashable, Sendable {
            public let numberProperty = "liveupdate-number"
            public let sessions: Node
            public let flbs: Node?

            /// A node that holds the address of a container.
            public struct Node: Hashable, Sendable {
                public let name: String
                public let compatible: String
                public let addressProperty: String
            }
        }
    }

    /// A file handler, in one version.
    public struct FileHandler: Sendable {
        /// The name in the files' records. C: `liveupdate_file_handler.compatible`.
        public let compatible: String
        /// The structure that a file's handle points to.
        public let layout: any KernelStructure
        /// The structures reached from it.
        public let others: [StructureDescription]
    }

    /// The FDT of `reserve_mem` regions.
    public struct MemblockTree: Hashable, Sendable {
        public static let subtree = "memblock"
        public let compatible = "memblock-v1"
        public let regionCompatible = "reserve-mem-v1"
        public let startProperty = "start"
        public let sizeProperty = "size"
        /// `RESERVE_MEM_MAX_ENTRIES`: the maximum number of regions.
        public let regionLimit = 8
        /// `RESERVE_MEM_NAME_SIZE`: the size of a region's name in bytes, including the NUL.
        public let nameSize = 16
    }

    /// The subtree that names the previous kernel.
    public struct KexecMetadataBlob: Hashable, Sendable {
        public static let subtree = "kexec-metadata"
        public let version: UInt32
    }
}

extension Generation {
    /// All released generations, oldest first.
    public static let all: [Generation] = [.v6_16, .v6_18, .v6_19, .v7_0, .v7_1, .v7_2]

    /// All generations, including unreleased ones as far as they are known.
    public static let known: [Generation] = all + [.v7_4]

    /// The newest generation.
    public static let latest = Generation.v7_2

    /// The names of the releases in which a series changes its generation.
    public static var allReleases: [String] { known.flatMap(\.releases).map(\.description) }

    /// The names of its releases, oldest first.
    public var releaseText: String { releases.map(\.description).joined(separator: ", ") + mark }

    /// Its first and last release: `7.2–7.3`.
    public var span: String { Self.span(of: [self]) }

    /// The first and last release of some generations: `7.2–7.3`.
    public static func span(of generations: [Generation]) -> String {
        let releases = generations.flatMap(\.releases)
        let ends = Set([releases.min(), releases.max()].compactMap { $0 }).sorted()
        return ends.map(\.description).joined(separator: "–") + (generations.last?.mark ?? "")
    }

    private var mark: String { isReleased ? "" : " (not released)" }

    /// The newest of its releases.
    public var newestRelease: String { releases.last?.description ?? name }

    /// The generation of a kernel release such as `7.3` or `7.3.4-amd64`, among `generations`.
    public init?(release: String, among generations: [Generation] = known) {
        guard let release = Release(release) else { return nil }
        self.init(release, among: generations)
    }

    /// The generation of a kernel release; for a series, that of its first release.
    public init?(_ release: Release, among generations: [Generation] = known) {
        // A release candidate has what its release will have.
        let patch = release.patch ?? 0
        let first = generations.flatMap(\.releases).last { $0.isInSeries(of: release) && $0.patch ?? 0 <= patch }
        guard let first, let generation = generations.first(where: { $0.releases.contains(first) }) else { return nil }
        self = generation
    }

    /// Every structure that a kernel of this generation hands over, with pages of `pageSize`.
    ///
    /// - Parameters:
    ///   - pageSize: The kernel's page size.
    ///   - machine: The kernel's machine; `nil` for x86_64 if it has the page size, else arm64.
    public func structures(pageSize: PageSize, machine: Machine? = nil) -> [StructureDescription] {
        var list: [StructureDescription] = []
        if let luo {
            list += [
                luo.record?.structure, luo.sessions.header?.structure, luo.sessions.record.structure,
                luo.sessions.record.fileSet.layout.structure, luo.files.header?.structure, luo.files.record.structure,
                luo.flbs?.header?.structure, luo.flbs?.record.structure,
            ].compactMap { $0 }.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
        }
        list += fileHandlers.map(\.layout.structure)
        for structure in fileHandlers.flatMap(\.others) where !list.contains(structure) { list.append(structure) }
        if preservesVmalloc {
            list += [
                VmallocLayout.layout.structure, VmallocChunkLayout(pageSize: pageSize).structure,
                VmallocChunkHeaderLayout.layout.structure,
            ]
        }
        switch preservedMap {
        case .chunkedBitmaps(let size):
            list += [
                BitmapChunkLayout(pageSize: pageSize).structure, BitmapChunkHeaderLayout.layout.structure,
                BitmapPointerLayout.layout.structure, BitmapLayout(byteCount: size.bytes(pageSize: pageSize)).structure,
            ]
        case .radixTree:
            list += [RadixNodeLayout(pageSize: pageSize).structure, RadixLeafLayout(pageSize: pageSize).structure]
        }
        if kexecMetadata != nil { list.append(KexecMetadataLayout.layout.structure) }
        list.append(ScratchLayout.layout.structure)
        if machine ?? (pageSize == .kib4 ? .x86_64 : .aarch64) == .x86_64 {
            list += [HandoverPointerLayout(bootMemory: bootMemory).structure, SetupDataLayout.layout.structure]
        }
        return list
    }
}

extension Generation {
    /// This generation, with the versions named in a kernel image in place of its own.
    ///
    /// - Parameter names: All names found in the image. A name with no version among them stays as it is.
    public func named(by names: Set<String>) -> Generation {
        func version(_ own: String) -> String {
            let others = names.filter { Self.base(of: $0) == Self.base(of: own) }
            return others.contains(own) ? own : others.max() ?? own
        }
        var generation = self
        generation.root.compatible = version(root.compatible)
        if let luo { generation.luo?.compatible = version(luo.compatible) }
        generation.fileHandlers = fileHandlers.filter { version($0.compatible) == $0.compatible }
        return generation
    }

    /// The unversioned prefixes of the names that tell versions apart: `kho-v`, `luo-v`.
    public static let nameBases: Set<String> = Set(
        known.flatMap {
            [$0.root.compatible, $0.luo?.compatible].compactMap { $0 } + $0.fileHandlers.map(\.compatible)
        }
        .map(base(of:)))

    /// A name without its version.
    private static func base(of name: String) -> String {
        String(name.prefix { !("0"..."9").contains($0) })
    }
}
