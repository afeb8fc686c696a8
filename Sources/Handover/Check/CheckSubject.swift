import FDT
import KernelABI
import SystemPackage

/// A handover to check, which may be damaged.
public struct CheckSubject: Sendable {
    public var memory: any PhysicalMemory
    public var pageSize: PageSize
    /// The address of the root FDT, as passed to the kernel.
    public var rootAddress: PhysicalAddress?
    /// The root FDT, and as much of what follows it as a kernel maps: one page; `nil` if the input has none. Empty if
    /// there is no memory at its address.
    public var root: [UInt8]?
    /// Subtrees that are available as blobs, by name.
    public var blobs: [String: [UInt8]]
    /// The result of reading it; `nil` if nothing could be read.
    public var reading: Reading?
    /// The memory that the next kernel boots from, as stated in the input.
    public var scratch: [Range<PhysicalAddress>] = []
    /// The part of the input, if there are several.
    public var part: String?
    /// The side of a kexec that it shows, if the input states it.
    public var side: HandoverDocument.Side?
    /// The kinds of content as which payloads are read, and whose rules are checked.
    public var kinds = ContentKinds.standard

    /// The size of ``scratch`` in bytes.
    public var scratchSize: UInt64 { scratch.byteCount }

    /// The handover in a document.
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
        // What a truncated image lacks, the kernel has.
        if document.reading.isInputDamaged, let bytes = root, PartialTree(bytes).isCutShort { root = nil }
        // The kernel has the rest of a root that debugfs truncates.
        if let bytes = root, let whole = Self.restored(bytes, blobs: blobs) { root = whole }
    }

    /// A handover whose root FDT is, or should be, at `address`.
    ///
    /// - Parameters:
    ///   - memory: The memory to follow pointers in.
    ///   - address: The address where the root FDT is, or should be.
    ///   - pageSize: The kernel's page size.
    ///   - generation: The generation to read it as, unless it states its own.
    ///   - kinds: The kinds of content to read.
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

    /// The page at `address`, as far as it is available.
    private static func page(
        at address: PhysicalAddress?, in memory: any PhysicalMemory, _ pageSize: PageSize
    ) -> [UInt8]? {
        guard let address else { return nil }
        for count in [pageSize.bytes, Header.size] {
            if let bytes = memory.copy(at: address, count: count) { return bytes }
        }
        return nil
    }

    /// A root that is valid but truncated, with its known names restored; else `nil`.
    private static func restored(_ bytes: [UInt8], blobs: [String: [UInt8]]) -> [UInt8]? {
        let partial = PartialTree(bytes)
        guard partial.isCutShort else { return nil }
        let root = PartialRoot(partial, subtrees: blobs.keys.sorted())
        guard root.compatible != nil else { return nil }
        return try? root.tree(compatible: nil).bytes
    }

    /// The result of reading it as a kernel of this generation does.
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

    /// The end of physical addresses: 52 bits on arm64, and on x86 with five-level page tables; 46 bits with four
    /// levels, which x86 uses unless its memory requires more.
    var memoryEnd: PhysicalAddress {
        let fourLevels = PhysicalAddress(1 << 46)
        let isSmall = memory.statedMachine != .aarch64 && pageSize == .kib4 && rootAddress ?? fourLevels < fourLevels
        return isSmall ? fourLevels : PhysicalAddress(1 << 52)
    }

    /// Whether there is enough to check to make starting threads worthwhile.
    var isLarge: Bool { reading?.extents.count ?? 0 > 1 << 14 }

    /// The generation that the handover was made for; the latest if unknown.
    var generation: Generation {
        reading?.state.generation ?? .latest
    }
}

extension PartialTree {
    /// Whether the only fault of the tree is that its end is missing.
    var isCutShort: Bool {
        guard let header, header.magic == Header.magic, byteCount < Int(header.totalSize) else { return false }
        return missing.allSatisfy { $0.range.upperBound > byteCount }
    }
}

extension CheckSubject {
    /// The handovers in an input of any kind.
    ///
    /// - Throws: ``InputError`` if the input cannot be read, or is not a handover. An image with a damaged root FDT is
    ///   accepted: its root is where the options say, or where a search finds something similar.
    public static func subjects(
        in path: FilePath, options: InputOptions,
        progress: @escaping (_ bytesDone: UInt64, _ bytesTotal: UInt64) -> Void = { _, _ in }
    ) throws(InputError) -> [CheckSubject] {
        try subjects(in: InputSource(path), options: options, progress: progress)
    }

    /// The handovers in an open input.
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
