/// A whole and checked flattened device tree that owns its bytes.
///
/// Whatever bytes it is made from, a tree that exists is one that `fdt_check_full` passes, so reading it cannot fail:
/// a node or property that is asked for is there or it is not. A tree that does not pass may still be looked at with
/// ``PartialTree``.
///
/// A tree is a value of a few words; copies share the bytes. Nodes and properties are views that keep them alive.
public struct FlattenedTree: Sendable, Hashable {
    let storage: Storage

    /// The fields of the tree's header.
    public let header: Header

    /// Copies the first `totalsize` bytes and checks them whole. Bytes that follow are left alone.
    ///
    /// C: `fdt_check_full`; then `fdt_get_name` for the root, as `fdt_check_full` also passes a tree without one.
    /// - Throws: libfdt's verdict; `.truncated` if fewer bytes are given than `totalsize` claims.
    public init(bytes: RawSpan) throws(FDTError) {
        try self.init(checking: Storage(copying: bytes, count: Self.neededCount(of: bytes)), of: bytes)
    }

    /// Checks the first `totalsize` bytes whole, and shares them where the array has no others.
    ///
    /// C: `fdt_check_full`; then `fdt_get_name` for the root, as `fdt_check_full` also passes a tree without one.
    /// - Throws: libfdt's verdict; `.truncated` if fewer bytes are given than `totalsize` claims.
    public init(_ bytes: [UInt8]) throws(FDTError) {
        let span = bytes.span.bytes
        let count = Self.neededCount(of: span)
        let storage = count == bytes.count ? Storage(sharing: bytes) : Storage(copying: span, count: count)
        try self.init(checking: storage, of: span)
    }

    /// How many of some bytes it takes for libfdt's verdict on them.
    ///
    /// Whatever stands at the claimed size, only a tree that may be whole is worth a copy. Of others the header is
    /// enough: libfdt looks at that first, then at the size.
    private static func neededCount(of bytes: RawSpan) -> Int {
        let claimed = Int(bytes.bigEndianUInt32(at: 4) ?? 0)
        let mayBeWhole =
            bytes.beginsTree && (Header.size...Int(Int32.max)).contains(claimed) && claimed <= bytes.byteCount
        return mayBeWhole ? claimed : min(bytes.byteCount, Header.size)
    }

    /// - Parameter bytes: what the storage was made of, for a word on what is wrong with them.
    private init(checking storage: Storage, of bytes: RawSpan) throws(FDTError) {
        if let error = storage.verdict() {
            let claimed = Int(bytes.bigEndianUInt32(at: 4) ?? 0)
            let looked = bytes.beginsTree ? min(bytes.byteCount, claimed) : storage.count
            let fault = Self.firstFault(bytes.extracting(first: looked)) ?? error.location
            throw FDTError(error.code, in: error.operation, at: fault)
        }
        guard let header = storage.withBytes({ Header($0) }) else {
            throw FDTError(.truncated, in: "fdt_check_full")
        }
        self.storage = storage
        self.header = header
    }

    /// What is wrong first, in words; nil if the bytes are so many that to find out would take long.
    private static func firstFault(_ bytes: RawSpan) -> String? {
        bytes.byteCount > 1 << 24 ? nil : PartialTree(bytes: bytes).missing.first?.description
    }

    /// The size of the tree in bytes. C: `fdt_totalsize`.
    public var totalSize: Int { storage.count }

    /// The tree's bytes, ``totalSize`` of them.
    public var bytes: [UInt8] { storage.bytes }

    /// Gives the tree's bytes without copying them.
    public func withBytes<R, E: Error>(_ body: (RawSpan) throws(E) -> R) throws(E) -> R {
        try storage.withBytes(body)
    }

    /// Gives the strings block: the names of properties, each with its NUL, and maybe what nothing refers to.
    public func withStrings<R, E: Error>(_ body: (RawSpan) throws(E) -> R) throws(E) -> R {
        try withBytes { (bytes) throws(E) in
            let start = min(Int(header.stringsOffset), bytes.byteCount)
            let end = header.stringsSize.map { min(start + Int($0), bytes.byteCount) } ?? bytes.byteCount
            return try body(bytes.extracting(start..<end))
        }
    }

    /// The root node, `/`.
    public var root: Node { Node(tree: self, offset: 0) }
}

extension FlattenedTree: CustomStringConvertible {
    public var description: String { "a tree of \(totalSize) bytes" }
}
