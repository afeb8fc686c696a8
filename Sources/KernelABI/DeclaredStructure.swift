/// A structure as declared in a kernel's own type information.
public struct DeclaredStructure: Hashable, Sendable {
    /// Its tag.
    public var name: String
    /// In bytes.
    public var size: Int
    public var members: [Member]

    /// A member, with its type as C spells it: `u64`, `char[48]`, `pci_dev_ser[]`.
    public struct Member: Hashable, Sendable {
        public var name: String
        public var type: String
        /// The offset in bits from the beginning of the structure.
        public var bitOffset: Int
        /// The width of a bit field; `nil` for any other member.
        public var bitWidth: Int?

        public init(name: String, type: String, bitOffset: Int, bitWidth: Int? = nil) {
            self.name = name
            self.type = type
            self.bitOffset = bitOffset
            self.bitWidth = bitWidth
        }
    }

    public init(name: String, size: Int, members: [Member]) {
        self.name = name
        self.size = size
        self.members = members
    }
}
