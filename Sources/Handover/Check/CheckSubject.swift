import FDT
import KernelABI
import SystemPackage

/// A handover that is to be checked, damaged as it may be.
public struct CheckSubject: Sendable {
    public var memory: any PhysicalMemory
    public var pageSize: PageSize
    /// Where the root FDT is, as the kernel would be told.
    public var rootAddress: PhysicalAddress?
    /// The root FDT, and as much of what follows it as a kernel maps: one page; `nil` if the input has none. Empty if
    /// there is no memory where it should be.
    public var root: [UInt8]?
    /// Subtrees that are available as blobs, by name.
    public var blobs: [String: [UInt8]]
    /// What the readers make of it; `nil` if that is nothing.
    public var reading: Reading?
    /// The memory that the next kernel boots from, as the input states it.
    public var scratch: [Range<PhysicalAddress>] = []
    /// Which part of the input it is, if there are several.
    public var part: String?
    /// Which side of a kexec it shows, if the input says so.
    public var side: HandoverDocument.Side?
    /// The kinds of content that payloads are read as, and whose rules are held against them.
    public var kinds = ContentKinds.standard

    /// The bytes of ``scratch``.
    public var scratchSize: UInt64 { scratch.byteCount }

    /// A handover that a document shows.
    public init(_ document: HandoverDocument) {
        memory = document.memory
        pageSize = document.pageSize
        rootAddress = document.reading.state.kho?.fdtAddress
        blobs = Dictionary(
            document.blobs.filter { $0.address == nil && $0.name != HandoverDocument.Blob.rootName }
                .map { ($0.name, $0.bytes) }, uniquingKeysWith: { $1 })
        reading = document.reading
        kinds = document.reading.kinds
        scratch = document.scratch
        part = document.part
        side = document.side
        root =
            Self.page(at: rootAddress, in: document.memory, document.pageSize)
            ?? document.blob(named: HandoverDocument.Blob.rootName)?.bytes
        // What an image lacks that is cut short, the kernel has.
        if document.reading.isInputDamaged, let bytes = root, PartialTree(bytes).isCutShort { root = nil }
        // Of a root that debugfs cuts short, the kernel has the rest.
        if let bytes = root, let whole = Self.restored(bytes, blobs: blobs) { root = whole }
    }

    /// A handover whose root FDT is, or should be, at `address`.
    ///
    /// - Parameters:
    ///   - memory: where pointers lead.
    ///   - address: where the root FDT is, or should be.
    ///   - pageSize: the size of the kernel's pages.
    ///   - generation: the one to read it as, unless it says so itself.
    ///   - kinds: the kinds of content to read.
    public init(
        memory: any PhysicalMemory, rootAt address: PhysicalAddress, pageSize: PageSize = .kib4,
        generation: Generation? = nil, kinds: ContentKinds = .standard
    ) {
        self.memory = memory
        self.pageSize = pageSize
        rootAddress = address
        root = Self.page(at: address, in: memory, pageSize) ?? []
        blobs = [:]
        self.kinds = kinds
        reading = read(as: generation)
    }

    /// As much of the page at `address` as is available.
    private static func page(
        at address: PhysicalAddress?, in memory: any PhysicalMemory, _ pageSize: PageSize
    ) -> [UInt8]? {
        guard let address else { return nil }
        for count in [pageSize.bytes, Header.size] {
            if let bytes = memory.copy(at: address, count: count) { return bytes }
        }
        return nil
    }

    /// A root that is sound as far as it goes, but cut short, with what its names are known to be; else `nil`.
    private static func restored(_ bytes: [UInt8], blobs: [String: [UInt8]]) -> [UInt8]? {
        let partial = PartialTree(bytes)
        guard partial.isCutShort else { return nil }
        let root = PartialRoot(partial, subtrees: blobs.keys.sorted())
        guard root.compatible != nil else { return nil }
        return try? root.tree(compatible: nil).bytes
    }

    /// What a kernel of this generation reads.
    func reading(as generation: Generation) -> Reading? {
        if let reading, reading.state.generation.map({ $0.name == generation.name }) ?? true { return reading }
        return read(as: generation)
    }

    private func read(as generation: Generation?) -> Reading? {
        let reader = HandoverReader(memory: memory, pageSize: pageSize, generation: generation, kinds: kinds)
        if blobs.isEmpty, let rootAddress, let reading = try? reader.read(rootAt: rootAddress) { return reading }
        let partial = PartialRoot(root.map(PartialTree.init(_:)), subtrees: blobs.keys.sorted())
        let compatible = root == nil ? (generation ?? .latest).root.compatible : nil
        guard let tree = try? partial.tree(compatible: compatible) else { return nil }
        return try? reader.read(root: tree, isKernels: false, at: rootAddress, blobs: blobs)
    }

    /// Where physical addresses end: after 52 bits on arm64, and on x86 with page tables of five levels; after 46 with
    /// four levels, which x86 has unless its memory needs more.
    var memoryEnd: PhysicalAddress {
        let fourLevels = PhysicalAddress(1 << 46)
        let isSmall = memory.statedMachine != .aarch64 && pageSize == .kib4 && rootAddress ?? fourLevels < fourLevels
        return isSmall ? fourLevels : PhysicalAddress(1 << 52)
    }

    /// Whether there is so much to look at that it is worth the start of threads.
    var isLarge: Bool { reading?.extents.count ?? 0 > 1 << 14 }

    /// The generation that the handover was made for; the latest if that cannot be told.
    var generation: Generation {
        reading?.state.generation ?? .latest
    }
}

extension PartialTree {
    /// Whether nothing is wrong with the tree but that its end is missing.
    var isCutShort: Bool {
        guard let header, header.magic == Header.magic, byteCount < Int(header.totalSize) else { return false }
        return missing.allSatisfy { $0.range.upperBound > byteCount }
    }
}

extension CheckSubject {
    /// The handovers in an input of any kind.
    ///
    /// - Throws: ``InputError`` if the input cannot be read, or is no handover. An image whose root FDT is damaged can
    ///   be: the root is where the options say, or else where a search finds something like one.
    public static func subjects(
        in path: FilePath, options: InputOptions,
        progress: @escaping (_ bytesDone: UInt64, _ bytesTotal: UInt64) -> Void = { _, _ in }
    ) throws(InputError) -> [CheckSubject] {
        try subjects(in: InputSource(path), options: options, progress: progress)
    }

    /// The handovers in an input that is open.
    static func subjects(
        in source: InputSource, options: InputOptions,
        progress: @escaping (_ bytesDone: UInt64, _ bytesTotal: UInt64) -> Void = { _, _ in }
    ) throws(InputError) -> [CheckSubject] {
        do throws(InputError) {
            let input = try HandoverInput(source, options: options, progress: progress)
            guard input.kind != InputKind.tree.name else {
                throw .notHandover(path: input.path, what: "an FDT of another kind")
            }
            return input.documents.map(CheckSubject.init(_:))
        } catch {
            guard case .noHandover = error, let image = try? MemoryImage(source, options)
            else { throw error }
            let context = try InputContext(options, progress: progress)
            guard let root = context.rootAddress ?? RootScan(of: image.memory, progress: progress).candidates.first
            else { throw error }
            let stated = image.memory.statedPageSize.flatMap(PageSize.init(rawValue:))
            return [
                CheckSubject(
                    memory: image.memory, rootAt: root, pageSize: options.pageSize ?? stated ?? .kib4,
                    generation: options.generation, kinds: options.kinds)
            ]
        }
    }
}
