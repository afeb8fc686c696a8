import KernelABI

/// A piece of memory that belongs to a handover: where it is, what it is for, and what structures it holds.
public struct Extent: Hashable, Sendable {
    public var address: PhysicalAddress
    /// The number of bytes that belong to it: whole pages, or the size of a blob.
    public var byteCount: Int
    public var role: Role
    public var form: Form
    public var owner: Owner

    /// What a piece of memory is for.
    public enum Role: String, Hashable, Sendable, CaseIterable {
        case root = "root"
        case subtree = "subtree"
        case bitmapChunk = "bitmap-chunk"
        case bitmap = "bitmap"
        case radixNode = "radix-node"
        case radixLeaf = "radix-leaf"
        case sessions = "sessions"
        case files = "files"
        case flbs = "flbs"
        case memfd = "memfd"
        case vmallocChunk = "vmalloc-chunk"
        case folioList = "folio-list"
        /// The contents of a file.
        case contents = "contents"
        /// The contents of a `reserve_mem` region.
        case region = "region"

        /// Whether the kernel puts the memory into the map of preserved memory. It does with all but the map itself.
        public var isPreserved: Bool {
            switch self {
            case .bitmapChunk, .bitmap, .radixNode, .radixLeaf: false
            default: true
            }
        }

        /// Whether the memory describes the handover, rather than being handed over.
        public var isMetadata: Bool {
            self != .contents && self != .region
        }
    }

    /// How the bytes are structured.
    public enum Form: Hashable, Sendable {
        /// An FDT.
        case tree
        /// One structure, and zeros behind it.
        case structure(StructureDescription)
        /// A header, records behind it, and zeros behind those.
        case records(header: StructureDescription?, record: StructureDescription, count: Int)
        /// Bytes that only their owner understands.
        case opaque
    }

    public init(address: PhysicalAddress, byteCount: Int, role: Role, form: Form, owner: Owner) {
        self.address = address
        self.byteCount = byteCount
        self.role = role
        self.form = form
        self.owner = owner
    }

    /// The addresses of the extent; cut at the end of the address space.
    public var range: Range<PhysicalAddress> {
        address..<(address.advanced(by: UInt64(byteCount)) ?? PhysicalAddress(.max))
    }
}
