import KernelABI

/// A piece of memory that belongs to a handover: where it is, what it is for, and what structures it holds.
public struct Extent: Hashable, Sendable {
    public var address: PhysicalAddress
    /// The number of bytes that belong to it: whole pages, or the size of a blob.
    public var byteCount: Int
    public var role: Role
    public var form: Form
    public var owner: Owner

    /// What a piece of memory is for. Open: each kind of content has roles of its own.
    public struct Role: Hashable, Sendable {
        private let traits: Traits
        /// Words with dashes between them: `folio-list`.
        public let name: String

        private struct Traits: OptionSet, Hashable {
            let rawValue: UInt8
            static let preserved = Traits(rawValue: 1)
            static let metadata = Traits(rawValue: 2)
            static let restoredFirst = Traits(rawValue: 4)
            static let freedAfterUse = Traits(rawValue: 8)
        }

        /// - Parameters:
        ///   - name: what the memory is, as it stands in messages and JSON.
        ///   - isPreserved: whether the kernel puts the memory into the map of preserved memory.
        ///   - isMetadata: whether the memory describes the handover, rather than being handed over.
        ///   - isRestoredFirst: whether the kernel takes the page back before it reads it, and so notices if it cannot.
        ///   - isFreedAfterUse: whether the kernel frees the page when it is done with what is in it.
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
        /// The contents of a region that has a name.
        public static let region = Role("region", isMetadata: false)

        /// Whether the kernel puts the memory into the map of preserved memory. It does with all but the map itself.
        public var isPreserved: Bool { traits.contains(.preserved) }
        /// Whether the memory describes the handover, rather than being handed over.
        public var isMetadata: Bool { traits.contains(.metadata) }
        /// Whether the kernel takes the page back before it reads it, and so notices if it cannot.
        public var isRestoredFirst: Bool { traits.contains(.restoredFirst) }
        /// Whether the kernel frees the page when it is done with what is in it.
        public var isFreedAfterUse: Bool { traits.contains(.freedAfterUse) }

        public static func == (left: Role, right: Role) -> Bool { left.name == right.name }
        public func hash(into hasher: inout Hasher) { hasher.combine(name) }
    }

    /// How the bytes are structured.
    public enum Form: Hashable, Sendable {
        /// An FDT.
        case tree
        /// One structure, and zeros after it.
        case structure(StructureDescription)
        /// A header, records after it, and zeros after those.
        case records(header: StructureDescription?, record: StructureDescription, count: Int)
        /// A page of records that do not end where a page does: it begins so many bytes into them, and has so many
        /// bytes of them, and zeros after those.
        case slice(of: StructureDescription, from: Int, count: Int)
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

    /// What the piece is, in words: `sessions of LUO, block 1`.
    public var title: String { "\(role.name.split(separator: "-").joined(separator: " ")) of \(owner)" }

    /// The addresses of the extent; cut at the end of the address space.
    public var range: Range<PhysicalAddress> {
        address..<(address.advanced(by: UInt64(byteCount)) ?? PhysicalAddress(.max))
    }
}
