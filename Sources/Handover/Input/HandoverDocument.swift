import FDT
import KernelABI

/// A handover, or part of one, in an input: what was read, and the memory that it was read from.
///
/// Most inputs have one; the debugfs directory `kho` has two, the incoming and the outgoing one.
public struct HandoverDocument: Sendable {
    /// The part of the input (`in`, `out`), if there are several.
    public var part: String?
    public var reading: Reading
    /// The memory to follow pointers in; ``EmptyMemory`` if there is none.
    public var memory: any PhysicalMemory
    /// The root FDT and the subtrees, as far as available; the root is first.
    public var blobs: [Blob]
    public var pageSize: PageSize
    /// Further contents of the input in its own words: debugfs files that do not correspond to a structure.
    public var notes: [Note]
    /// The side of a kexec that the input shows, if it states it.
    public var side: Side?
    /// The memory that the next kernel boots from, as the input states it.
    public var scratch: [Range<PhysicalAddress>] = []

    /// A side of a kexec, named as in debugfs.
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
        /// The address in memory, if known.
        public var address: PhysicalAddress?
        public var bytes: [UInt8]
        /// The bytes as a tree, if they were recognised as one when read.
        var tree: FlattenedTree?

        /// The name of the root FDT among the blobs.
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

    /// A named line of text.
    public struct Note: Hashable, Sendable {
        /// The name of the note about bytes after the `totalsize` of an FDT.
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

    /// Uses the page size of the reading.
    init(_ reading: Reading, memory: any PhysicalMemory, blobs: [Blob]) {
        self.init(
            reading: reading, memory: memory, blobs: blobs,
            pageSize: reading.state.pageSize ?? .kib4)
    }

    /// Whether this is the handover of a kernel with an unknown version of the ABI.
    public var isOfUnknownKernel: Bool { reading.state.kernel == nil && reading.state.kho?.compatible != nil }

    public func blob(named name: String) -> Blob? {
        blobs.first { $0.name == name }
    }
}

extension HandoverDocument {
    /// The root and the subtrees that were read from `memory`.
    static func blobs(of reading: Reading, in memory: any PhysicalMemory) -> [Blob] {
        var blobs: [Blob] = []
        // However many nodes name the same memory, it is copied once.
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
