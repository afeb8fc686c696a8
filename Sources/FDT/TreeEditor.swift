/// Changes a tree in place, in a buffer of fixed size. C: libfdt's `fdt_rw` functions.
///
///     var editor = try TreeEditor(opening: tree, capacity: 4096)
///     let node = try editor.addSubnode("LUO")
///     try editor.setProperty("blob-size", of: node, u64: 311, .littleEndian)
///     let edited = try editor.pack()
///
/// Every change moves what follows it, which invalidates libfdt's offsets. So nodes are identified by their paths,
/// which are looked up for each call. Paths must be absolute, and libfdt's rule for unit addresses applies (C:
/// `fdt_path_offset`).
///
/// The order is libfdt's: a new node comes before the other children of its parent, and a new property before the
/// others of its node. An error leaves the tree as it was before the call.
public struct TreeEditor: Sendable {
    private var storage: Storage

    /// Copies a tree into a buffer of `capacity` bytes, with the free space at its end. C: `fdt_open_into`.
    /// - Throws: `.noSpace` if the tree does not fit.
    public init(opening tree: FlattenedTree, capacity: Int) throws(FDTError) {
        let location = "a tree of \(tree.totalSize) bytes in \(capacity)"
        guard capacity >= 0, let size = Int32(exactly: capacity) else {
            throw FDTError(.noSpace, in: "fdt_open_into", at: location)
        }
        storage = Storage(count: capacity)
        try Call.open(tree.storage.bytes, into: &storage.bytes, size).get(at: location)
    }

    /// The size of the buffer in bytes.
    public var capacity: Int { storage.count }

    /// Adds an empty node as the first child of another. C: `fdt_add_subnode`.
    /// - Returns: The path of the new node.
    /// - Throws: `.exists` if there is a child with this name (with any unit address, if the name has none).
    @discardableResult
    public mutating func addSubnode(_ name: String, to parent: String = "/") throws(FDTError) -> String {
        let path = parent == "/" ? "/\(name)" : "\(parent)/\(name)"
        try refuse(name, asNode: true, "fdt_add_subnode", at: path)
        let offset = try self.offset(of: parent)
        try Call.addSubnode(&storage.bytes, to: offset, name).get(at: path)
        return path
    }

    /// Sets a property, adding it if the node does not have it. C: `fdt_setprop`.
    public mutating func setProperty(_ name: String, of path: String, bytes: [UInt8] = []) throws(FDTError) {
        try refuse(name, "fdt_setprop", at: path)
        let offset = try self.offset(of: path)
        guard bytes.count <= Int32.max else { throw FDTError(.noSpace, in: "fdt_setprop", at: "\(name) of \(path)") }
        try Call.setProperty(&storage.bytes, of: offset, name, bytes).get(at: "\(name) of \(path)")
    }

    /// Packs the tree, returns it, and opens it again in the same buffer for further changes.
    ///
    /// C: `fdt_pack`, a copy, `fdt_open_into`. This is how Linux KHO adds subtrees to one page, one after the other.
    public mutating func pack() throws(FDTError) -> FlattenedTree {
        try Call.pack(&storage.bytes).get()
        let tree = try storage.withBytes { (bytes) throws(FDTError) in try FlattenedTree(bytes: bytes) }
        self = try TreeEditor(opening: tree, capacity: capacity)
        return tree
    }

    private func offset(of path: String) throws(FDTError) -> Int32 {
        // libfdt would take anything else for an alias, and loop forever on an alias of an alias.
        guard path.hasPrefix("/") else { throw FDTError(.badPath, in: "fdt_path_offset", at: path) }
        return try Call.node(storage.bytes, at: path).get(at: path)
    }

    /// Refuses names that libfdt would cut, and names of nodes that no path can reach.
    private func refuse(
        _ name: String, asNode: Bool = false, _ operation: String, at location: String
    ) throws(FDTError) {
        guard !name.utf8.contains(0), !asNode || !(name.isEmpty || name.utf8.contains(UInt8(ascii: "/"))) else {
            throw FDTError(.badValue, in: operation, at: "a name that is empty or has a slash or a NUL, in \(location)")
        }
    }
}
