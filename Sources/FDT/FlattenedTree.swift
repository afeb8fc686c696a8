import CLibFDT

/// A whole and checked flattened device tree that owns its bytes.
///
/// Whatever bytes it is made from, a tree that exists has passed `fdt_check_full`, so reading it cannot fail:
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
        // libfdt looks at the header of up to 40 bytes before it looks at totalsize.
        let claimed = bytes.bigEndianUInt32(at: 4).map { Int($0) } ?? 0
        let storage = Storage(copying: bytes, count: min(bytes.byteCount, max(claimed, Header.size)))
        if let error = storage.verdict() {
            throw FDTError(error.code, in: error.operation, at: PartialTree(bytes: bytes).firstFault)
        }
        try self.init(checked: storage)
    }

    /// Copies the first `totalsize` bytes and checks them whole. Bytes that follow are left alone.
    ///
    /// C: `fdt_check_full`; then `fdt_get_name` for the root, as `fdt_check_full` also passes a tree without one.
    /// - Throws: libfdt's verdict; `.truncated` if fewer bytes are given than `totalsize` claims.
    public init(_ bytes: [UInt8]) throws(FDTError) {
        try self.init(bytes: bytes.span.bytes)
    }

    /// A tree of bytes that are known to pass.
    init(checked storage: Storage) throws(FDTError) {
        guard let header = storage.withBytes({ Header($0) }) else {
            throw FDTError(.truncated, in: "fdt_check_full")
        }
        var storage = storage
        storage.truncate(to: Int(header.totalSize))
        self.storage = storage
        self.header = header
    }

    /// The size of the tree in bytes. C: `fdt_totalsize`.
    public var totalSize: Int { storage.count }

    /// A copy of the tree's bytes, ``totalSize`` of them.
    public var bytes: [UInt8] { withBytes { $0.array } }

    /// Gives the tree's bytes without copying them.
    public func withBytes<R, E: Error>(_ body: (RawSpan) throws(E) -> R) throws(E) -> R {
        try storage.withBytes(body)
    }

    /// The root node, `/`.
    public var root: Node { Node(tree: self, offset: 0) }

    /// The node at a path, or nil if there is none.
    ///
    /// A path that does not begin with `/` begins with an alias: the name of a property of `/aliases` whose value is
    /// an absolute path. A component without a unit address (`memory`) also finds the first node that has one
    /// (`memory@0`). C: `fdt_path_offset`.
    public func node(at path: String) -> Node? {
        guard !path.hasPrefix("/") else { return node(atAbsolute: path) }
        // Aliases are resolved here: libfdt 1.6 follows an alias of an alias for ever.
        let parts = path.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let alias = parts.first,
            let target = node(atAbsolute: "/aliases")?.property(String(alias))?.string, target.hasPrefix("/")
        else { return nil }
        return node(atAbsolute: parts.count > 1 ? "\(target)/\(parts[1])" : target)
    }

    private func node(atAbsolute path: String) -> Node? {
        var path = path
        let offset = path.withUTF8 { utf8 in
            utf8.withMemoryRebound(to: CChar.self) {
                fdt_path_offset_namelen(storage.words, $0.baseAddress, Int32(clamping: $0.count))
            }
        }
        return offset < 0 ? nil : Node(tree: self, offset: offset)
    }

    /// All nodes, in the order of the tree, whose `compatible` has the string anywhere in its list.
    ///
    /// C: `fdt_node_offset_by_compatible`.
    public func nodes(compatibleWith compatible: String) -> some Sequence<Node> {
        sequence(state: Int32(-1)) { [self] (last: inout Int32) -> Node? in
            let offset = fdt_node_offset_by_compatible(storage.words, last, compatible)
            guard offset >= 0 else { return nil }
            last = offset
            return Node(tree: self, offset: offset)
        }
    }

    /// The first node, in the order of the tree, whose `compatible` has the string anywhere in its list.
    public func firstNode(compatibleWith compatible: String) -> Node? {
        nodes(compatibleWith: compatible).first { _ in true }
    }

    /// The node with a phandle, or nil. C: `fdt_node_offset_by_phandle`.
    public func node(phandle: UInt32) -> Node? {
        let offset = fdt_node_offset_by_phandle(storage.words, phandle)
        return offset < 0 ? nil : Node(tree: self, offset: offset)
    }
}

extension Storage {
    /// What libfdt finds wrong with the bytes as a tree, or nil.
    func verdict() -> FDTError? {
        if let header = withBytes({ Header($0) }), header.version < 16, header.totalSize <= count,
            let error = oldRootVerdict()
        {
            return error
        }
        let result = fdt_check_full(words, count)
        guard result == 0 else { return FDTError(.init(negated: result), in: "fdt_check_full") }
        var length: Int32 = 0
        guard fdt_get_name(words, 0, &length) != nil else {
            return FDTError(.init(negated: length), in: "fdt_get_name")
        }
        return nil
    }

    /// Before version 16, nodes have whole paths for names, and libfdt 1.6 follows a null pointer when the root's
    /// has no slash: so that is asked first.
    private func oldRootVerdict() -> FDTError? {
        let result = fdt_check_header(words)
        guard result == 0 else { return FDTError(.init(negated: result), in: "fdt_check_header") }
        var offset: Int32 = 0
        while offset >= 0 {
            var next: Int32 = 0
            let tag = fdt_next_tag(words, offset, &next)
            if tag == FDT_END { return nil }
            if tag == FDT_BEGIN_NODE {
                var length: Int32 = 0
                guard fdt_get_name(words, offset, &length) == nil else { return nil }
                return FDTError(.init(negated: length), in: "fdt_get_name")
            }
            offset = next
        }
        return nil
    }
}
