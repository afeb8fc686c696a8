import FDT
import KernelABI
import SystemPackage

/// A handover that is to be checked, broken as it may be.
public struct CheckSubject: Sendable {
    public var memory: any PhysicalMemory
    public var pageSize: PageSize
    /// Where the root FDT is, as the kernel would be told.
    public var rootAddress: PhysicalAddress?
    /// The root FDT, and as much of what follows it as a kernel maps: one page.
    public var root: [UInt8]
    /// Subtrees that are at hand as blobs, by name.
    public var blobs: [String: [UInt8]]
    /// The memory that the next kernel boots from, as far as the input says so.
    public var scratch: [Range<PhysicalAddress>] = []
    /// What the readers make of it; `nil` where that is nothing.
    public var reading: Reading?

    /// A handover that a document shows.
    public init(_ document: HandoverDocument) {
        memory = document.memory
        pageSize = document.pageSize
        rootAddress = document.reading.state.kho?.fdtAddress
        blobs = Dictionary(
            document.blobs.filter { $0.address == nil }.map { ($0.name, $0.bytes) }, uniquingKeysWith: { $1 })
        reading = document.reading
        scratch = document.scratch
        root = Self.page(at: rootAddress, in: document.memory, document.pageSize)
            ?? document.blob(named: HandoverDocument.Blob.rootName)?.bytes ?? []
    }

    /// A handover whose root FDT is, or should be, at `address`.
    ///
    /// - Parameter generation: the one to read it as, where it does not say so itself.
    public init(
        memory: any PhysicalMemory, rootAt address: PhysicalAddress, pageSize: PageSize = .kib4,
        generation: Generation? = nil
    ) {
        self.memory = memory
        self.pageSize = pageSize
        rootAddress = address
        root = Self.page(at: address, in: memory, pageSize) ?? []
        blobs = [:]
        let reader = HandoverReader(memory: memory, pageSize: pageSize, generation: generation)
        reading = try? reader.read(rootAt: address)
    }

    /// As much of the page at `address` as is at hand.
    private static func page(
        at address: PhysicalAddress?, in memory: any PhysicalMemory, _ pageSize: PageSize
    ) -> [UInt8]? {
        guard let address else { return nil }
        for count in [pageSize.bytes, Header.size] {
            if let bytes = memory.copy(at: address, count: count) { return bytes }
        }
        return nil
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

    /// The generation that the handover was made for; the latest where that cannot be told.
    var generation: Generation {
        reading?.state.generation ?? .latest
    }
}

extension CheckSubject {
    /// The handovers in an input of any kind.
    ///
    /// - Throws: ``InputError`` where the input cannot be read. An image whose root FDT is broken can: the root is
    ///   where the options say, or else where a search finds something like one.
    public static func subjects(
        in path: FilePath, options: InputOptions,
        progress: @escaping (_ bytesDone: UInt64, _ bytesTotal: UInt64) -> Void = { _, _ in }
    ) throws(InputError) -> [CheckSubject] {
        do throws(InputError) {
            let input = try HandoverInput(path, options: options, progress: progress)
            if input.kind == InputKind.tree.name { throw .notHandover(path: input.path, what: "an FDT of another kind") }
            return input.documents.map(CheckSubject.init(_:))
        } catch {
            guard case .noHandover = error, let image = try? MemoryImage(path: path, options: options)
            else { throw error }
            let context = try InputContext(options, progress: progress)
            guard let root = context.rootAddress ?? RootScan(of: image.memory, progress: progress).candidates.first
            else { throw error }
            let stated = image.memory.statedPageSize.flatMap(PageSize.init(rawValue:))
            return [
                CheckSubject(
                    memory: image.memory, rootAt: root, pageSize: options.pageSize ?? stated ?? .kib4,
                    generation: options.generation)
            ]
        }
    }
}
