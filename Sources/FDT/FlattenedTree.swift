/// A complete, checked flattened device tree that owns its bytes.
///
/// Every instance has passed `fdt_check_full`, so reading it cannot fail: a requested node or property is either there
/// or it is not. A tree that fails the check can still be read with ``PartialTree``.
///
/// A tree is a value of a few words; copies share the bytes. Nodes and properties are views that keep the bytes alive.
public struct FlattenedTree: Sendable, Hashable {
    let storage: Storage

    /// The fields of the tree's header.
    public let header: Header

    /// Copies the first `totalsize` bytes and checks them. Bytes after them are ignored.
    ///
    /// C: `fdt_check_full`; then `fdt_get_name` for the root, because `fdt_check_full` also accepts a tree without one.
    /// - Throws: libfdt's verdict; `.truncated` if there are fewer bytes than `totalsize`.
    public init(bytes: RawSpan) throws(FDTError) {
        try self.init(checking: Storage(copying: bytes, count: Self.neededCount(of: bytes)), of: bytes)
    }

    /// Checks the first `totalsize` bytes, and shares the array's storage if it holds no others.
    ///
    /// C: `fdt_check_full`; then `fdt_get_name` for the root, because `fdt_check_full` also accepts a tree without one.
    /// - Throws: libfdt's verdict; `.truncated` if there are fewer bytes than `totalsize`.
    public init(_ bytes: [UInt8]) throws(FDTError) {
        let span = bytes.span.bytes
        let count = Self.neededCount(of: span)
        let storage = count == bytes.count ? Storage(sharing: bytes) : Storage(copying: span, count: count)
        try self.init(checking: storage, of: span)
    }

    /// How many of the bytes libfdt needs for its verdict.
    ///
    /// Only a tree that may be complete is worth copying. For others the header is enough, as libfdt checks that first,
    /// then the size.
    private static func neededCount(of bytes: RawSpan) -> Int {
        let claimed = Int(bytes.bigEndianUInt32(at: 4) ?? 0)
        let mayBeWhole =
            bytes.beginsTree && (Header.size...Int(Int32.max)).contains(claimed) && claimed <= bytes.byteCount
        return mayBeWhole ? claimed : min(bytes.byteCount, Header.size)
    }

    /// - Parameter bytes: The bytes that the storage was made from, for the error description.
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

    /// Describes the first fault; nil if the tree is so large that finding it would take long.
    private static func firstFault(_ bytes: RawSpan) -> String? {
        bytes.byteCount > 1 << 24 ? nil : PartialTree(bytes: bytes).missing.first?.description
    }

    /// The size of the tree in bytes. C: `fdt_totalsize`.
    public var totalSize: Int { storage.count }

    /// The tree's bytes; there are ``totalSize`` of them.
    public var bytes: [UInt8] { storage.bytes }

    /// Calls `body` with the tree's bytes, without copying them.
    public func withBytes<R, E: Error>(_ body: (RawSpan) throws(E) -> R) throws(E) -> R {
        try storage.withBytes(body)
    }

    /// Calls `body` with the strings block: NUL-terminated property names, possibly with some that are not referenced.
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
