import KernelABI

/// A piece of memory that belongs to a handover: its address, purpose and structures.
public struct Extent: Hashable, Sendable {
    public var address: PhysicalAddress
    /// The number of bytes: whole pages, or the size of a blob.
    public var byteCount: Int
    public var role: Role
    public var form: Form
    public var owner: Owner

    /// The purpose of a piece of memory. An open set: each kind of content defines its own roles.
    public struct Role: Hashable, Sendable {
        private let traits: Traits
        /// Words joined by dashes: `folio-list`.
        public let name: String

        private struct Traits: OptionSet, Hashable {
            let rawValue: UInt8
            static let preserved = Traits(rawValue: 1)
            static let metadata = Traits(rawValue: 2)
            static let restoredFirst = Traits(rawValue: 4)
            static let freedAfterUse = Traits(rawValue: 8)
        }

        /// - Parameters:
        ///   - name: The name of the role in messages and JSON.
        ///   - isPreserved: Whether the kernel adds the memory to the map of preserved memory.
        ///   - isMetadata: Whether the memory describes the handover, rather than being handed over.
        ///   - isRestoredFirst: Whether the kernel restores the page before reading it, and so notices if it cannot.
        ///   - isFreedAfterUse: Whether the kernel frees the page once it no longer needs its contents.
        public init(
            _ name: String, isPreserved: Bool = true, isMetadata: Bool = true, isRestoredFirst: Bool = false,
            isFreedAfterUse: Bool = false
        ) {
            self.name = name
            var traits: Traits = []
            if isPreserved { traits.insert(.preserved) }
            if isMetadata { traits.insert(.metadata) }
            if isRestoredFirst { traits.insert(.restoredFirst) }
            if isFreedAfterUse { traits.insert(.freedAfterUse) }
            self.traits = traits
        }

        public static let root = Role("root")
        public static let subtree = Role("subtree")
        public static let bitmapChunk = Role("bitmap-chunk", isPreserved: false)
        public static let bitmap = Role("bitmap", isPreserved: false)
        public static let radixNode = Role("radix-node", isPreserved: false)
        public static let radixLeaf = Role("radix-leaf", isPreserved: false)
        public static let sessions = Role("sessions", isFreedAfterUse: true)
        public static let files = Role("files", isFreedAfterUse: true)
        public static let flbs = Role("flbs")
        /// The contents of a file.
        public static let contents = Role("contents", isMetadata: false)
        /// The contents of a named region.
        public static let region = Role("region", isMetadata: false)

        /// Whether the kernel adds the memory to the map of preserved memory. True for all memory except the map
        /// itself.
        public var isPreserved: Bool { traits.contains(.preserved) }
        /// Whether the memory describes the handover, rather than being handed over.
        public var isMetadata: Bool { traits.contains(.metadata) }
        /// Whether the kernel restores the page before reading it, and so notices if it cannot.
        public var isRestoredFirst: Bool { traits.contains(.restoredFirst) }
        /// Whether the kernel frees the page once it no longer needs its contents.
        public var isFreedAfterUse: Bool { traits.contains(.freedAfterUse) }

        public static func == (left: Role, right: Role) -> Bool { left.name == right.name }
        public func hash(into hasher: inout Hasher) { hasher.combine(name) }
    }

    /// How the bytes are structured.
    public enum Form: Hashable, Sendable {
        /// An FDT.
        case tree
        /// One structure, then zero padding.
        case structure(StructureDescription)
        /// A header, then records, then zero padding.
        case records(header: StructureDescription?, record: StructureDescription, count: Int)
        /// A page of records that cross page boundaries: it contains the `count` bytes that start `from` bytes into
        /// them, then zero padding.
        case slice(of: StructureDescription, from: Int, count: Int)
        /// Bytes that only their owner can interpret.
        case opaque
    }

    public init(address: PhysicalAddress, byteCount: Int, role: Role, form: Form, owner: Owner) {
        self.address = address
        self.byteCount = byteCount
        self.role = role
        self.form = form
        self.owner = owner
    }

    /// What the piece is, in words: `sessions of LUO, block 1`.
    public var title: String { "\(role.name.split(separator: "-").joined(separator: " ")) of \(owner)" }

    /// The addresses of the extent, truncated at the end of the address space.
    public var range: Range<PhysicalAddress> {
        address..<(address.advanced(by: UInt64(byteCount)) ?? PhysicalAddress(.max))
    }
}
