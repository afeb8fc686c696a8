import FDT
import KernelABI

/// One handover, or part of one, as an input shows it: what was read, and what it was read from.
///
/// Most inputs show one; the debugfs directory `kho` shows two, what came in and what will go out.
public struct HandoverDocument: Sendable {
    /// Which part of the input it is (`in`, `out`), where there are several.
    public var part: String?
    public var reading: Reading
    /// Where pointers lead; ``EmptyMemory`` where there is none.
    public var memory: any PhysicalMemory
    /// The root FDT and the subtrees, as far as they are available; the root first.
    public var blobs: [Blob]
    public var pageSize: PageSize
    /// What the input says besides, in its own words: files of debugfs that belong to no structure.
    public var notes: [Note]
    /// Which side of a kexec the input shows, if it says so.
    public var side: Side?
    /// The memory that the next kernel boots from, as the input states it.
    public var scratch: [Range<PhysicalAddress>] = []

    /// A side of a kexec, as debugfs calls it.
    public enum Side: String, Hashable, Sendable {
        /// What this kernel has received.
        case incoming = "in"
        /// What this kernel will hand over.
        case outgoing = "out"
    }

    /// A named blob.
    public struct Blob: Hashable, Sendable {
        /// The name of the subtree, or ``rootName``.
        public var name: String
        /// Where it lies in memory, where that is known.
        public var address: PhysicalAddress?
        public var bytes: [UInt8]
        /// The bytes as a tree, where they were found to be one when they were read.
        var tree: FlattenedTree?

        /// What the root FDT is called among the blobs.
        public static let rootName = "kho"

        public init(name: String, address: PhysicalAddress? = nil, bytes: [UInt8]) {
            self.name = name
            self.address = address
            self.bytes = bytes
        }

        init(name: String, _ tree: InputTree) {
            self.init(name: name, bytes: tree.bytes)
            self.tree = tree.whole
        }
    }

    /// A line of text under a name.
    public struct Note: Hashable, Sendable {
        /// The name of the note on what comes after the `totalsize` of an FDT.
        public static let afterTree = "after the FDT"

        public var name: String
        public var text: String

        public init(name: String, text: String) {
            self.name = name
            self.text = text
        }
    }

    public init(
        part: String? = nil, reading: Reading, memory: any PhysicalMemory = EmptyMemory(), blobs: [Blob],
        pageSize: PageSize, notes: [Note] = []
    ) {
        self.part = part
        self.reading = reading
        self.memory = memory
        self.blobs = blobs
        self.pageSize = pageSize
        self.notes = notes
    }

    /// The page size in the reading, which decides.
    init(_ reading: Reading, memory: any PhysicalMemory, blobs: [Blob]) {
        self.init(
            reading: reading, memory: memory, blobs: blobs,
            pageSize: reading.state.pageSize ?? .kib4)
    }

    /// Whether it is the handover of a kernel whose version of the ABI is not known here.
    public var isOfUnknownKernel: Bool { reading.state.kernel == nil && reading.state.kho?.compatible != nil }

    public func blob(named name: String) -> Blob? {
        blobs.first { $0.name == name }
    }
}

extension HandoverDocument {
    /// The root and the subtrees that `reading` found in `memory`.
    static func blobs(of reading: Reading, in memory: any PhysicalMemory) -> [Blob] {
        var blobs: [Blob] = []
        // However many nodes name the same memory, no more is copied than there is.
        var copies: [Range<PhysicalAddress>: [UInt8]] = [:]
        var budget = memory.regions.byteCount
        func add(_ name: String, _ address: PhysicalAddress?, _ size: UInt64?) {
            guard let address, let size, let count = Int(exactly: size), count <= InputSource.blobLimit,
                let end = address.advanced(by: size)
            else { return }
            let copy = copies[address..<end] ?? (size <= budget ? memory.copy(at: address, count: count) : nil)
            guard let copy else { return }
            if copies.updateValue(copy, forKey: address..<end) == nil { budget -= size }
            blobs.append(Blob(name: name, address: address, bytes: copy))
        }
        guard let kho = reading.state.kho else { return [] }
        add(Blob.rootName, kho.fdtAddress, kho.fdtSize)
        for subtree in kho.subtrees ?? [] { add(subtree.name.repaired, subtree.address, subtree.size) }
        return blobs
    }
}
