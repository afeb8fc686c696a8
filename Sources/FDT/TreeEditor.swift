import CLibFDT

/// Changes a tree in place, within a buffer of a fixed size. C: libfdt's `fdt_rw` functions.
///
///     var editor = try TreeEditor(opening: tree, capacity: 4096)
///     let node = try editor.addSubnode("LUO")
///     try editor.setProperty("blob-size", of: node, u64: 311, .littleEndian)
///     let edited = try editor.pack()
///
/// Every change moves what follows it, which makes libfdt's offsets stale. So nodes are named by their paths here,
/// looked up anew for each call: the path must be absolute, and libfdt's rule for unit addresses applies to it
/// (``FlattenedTree/node(at:)``).
///
/// The order of things is libfdt's: a new node comes before the other children of its parent, and a new property
/// before the others of its node. After an error the tree is as it was before the call.
public struct TreeEditor: Sendable {
    private var storage: Storage

    /// Copies a tree into a buffer of `capacity` bytes, with the free room at its end. C: `fdt_open_into`.
    /// - Throws: `.noSpace` if the tree does not fit.
    public init(opening tree: FlattenedTree, capacity: Int) throws(FDTError) {
        let location = "a tree of \(tree.totalSize) bytes in \(capacity)"
        guard capacity >= 0, let size = Int32(exactly: capacity) else {
            throw FDTError(.noSpace, in: "fdt_open_into", at: location)
        }
        storage = Storage(count: capacity)
        try FDTError.check(
            fdt_open_into(tree.storage.bytes, &storage.bytes, size), "fdt_open_into", at: location)
    }

    /// The size of the buffer in bytes.
    public var capacity: Int { storage.count }

    /// Enlarges the buffer.
    public mutating func grow(to capacity: Int) throws(FDTError) {
        guard capacity > storage.count else { return }
        guard let size = Int32(exactly: capacity) else {
            throw FDTError(.noSpace, in: "fdt_open_into", at: "a capacity of \(capacity) bytes")
        }
        var larger = Storage(count: capacity)
        try FDTError.check(fdt_open_into(storage.bytes, &larger.bytes, size), "fdt_open_into")
        storage = larger
    }

    /// Adds an empty node as the first child of another. C: `fdt_add_subnode`.
    /// - Returns: The path of the new node.
    /// - Throws: `.exists` if there is a child of this name (also with a unit address if the name has none).
    @discardableResult
    public mutating func addSubnode(_ name: String, to parent: String = "/") throws(FDTError) -> String {
        let path = parent == "/" ? "/\(name)" : "\(parent)/\(name)"
        try refuse(name, asNode: true, "fdt_add_subnode", at: path)
        let offset = try self.offset(of: parent)
        try FDTError.check(fdt_add_subnode(&storage.bytes, offset, name), "fdt_add_subnode", at: path)
        return path
    }

    /// Sets a property, which is added if the node has none of this name. C: `fdt_setprop`.
    public mutating func setProperty(_ name: String, of path: String, bytes: [UInt8] = []) throws(FDTError) {
        try refuse(name, "fdt_setprop", at: path)
        let offset = try self.offset(of: path)
        guard let count = Int32(exactly: bytes.count) else {
            throw FDTError(.noSpace, in: "fdt_setprop", at: "\(name) of \(path)")
        }
        try FDTError.check(
            fdt_setprop(&storage.bytes, offset, name, bytes, count), "fdt_setprop", at: "\(name) of \(path)")
    }

    /// Removes a property; its name stays in the strings block. C: `fdt_delprop`.
    public mutating func deleteProperty(_ name: String, of path: String) throws(FDTError) {
        let offset = try self.offset(of: path)
        try FDTError.check(fdt_delprop(&storage.bytes, offset, name), "fdt_delprop", at: "\(name) of \(path)")
    }

    /// Removes a node and all that is below it. C: `fdt_del_node`.
    public mutating func deleteNode(_ path: String) throws(FDTError) {
        let offset = try self.offset(of: path)
        guard offset != 0 else {
            throw FDTError(.badPath, in: "fdt_del_node", at: "the root cannot be removed")
        }
        try FDTError.check(fdt_del_node(&storage.bytes, offset), "fdt_del_node", at: path)
    }

    /// Gives a node another name. C: `fdt_set_name`.
    /// - Returns: The new path of the node.
    @discardableResult
    public mutating func rename(_ path: String, to name: String) throws(FDTError) -> String {
        try refuse(name, asNode: true, "fdt_set_name", at: path)
        let offset = try self.offset(of: path)
        guard offset != 0 else {
            throw FDTError(.badPath, in: "fdt_set_name", at: "the root has no name")
        }
        try FDTError.check(fdt_set_name(&storage.bytes, offset, name), "fdt_set_name", at: path)
        var path = path
        while path.last == "/" { path.removeLast() }
        let parent = path.lastIndex(of: "/").map { path[..<$0] } ?? ""
        return "\(parent)/\(name)"
    }

    /// Adds an entry to the memory reservation block. C: `fdt_add_mem_rsv`.
    public mutating func addReservation(address: UInt64, size: UInt64) throws(FDTError) {
        try FDTError.check(fdt_add_mem_rsv(&storage.bytes, address, size), "fdt_add_mem_rsv")
    }

    /// Packs the tree, gives it, and opens it again in the same buffer for further changes.
    ///
    /// C: `fdt_pack`, a copy, `fdt_open_into`. This is how Linux KHO adds one subtree after the other to one page.
    public mutating func pack() throws(FDTError) -> FlattenedTree {
        try FDTError.check(fdt_pack(&storage.bytes), "fdt_pack")
        let tree = try storage.withBytes { (bytes) throws(FDTError) in try FlattenedTree(bytes: bytes) }
        self = try TreeEditor(opening: tree, capacity: capacity)
        return tree
    }

    private func offset(of path: String) throws(FDTError) -> Int32 {
        // libfdt would take anything else for an alias, and follow an alias of an alias for ever.
        guard path.hasPrefix("/") else { throw FDTError(.badPath, in: "fdt_path_offset", at: path) }
        var utf8Path = path
        let offset = utf8Path.withUTF8 { utf8 in
            utf8.withMemoryRebound(to: CChar.self) {
                fdt_path_offset_namelen(storage.bytes, $0.baseAddress, Int32(clamping: $0.count))
            }
        }
        try FDTError.check(offset, "fdt_path_offset", at: path)
        return offset
    }

    /// Names that libfdt would cut, and names of nodes that no path leads to.
    private func refuse(
        _ name: String, asNode: Bool = false, _ operation: String, at location: String
    ) throws(FDTError) {
        guard !name.utf8.contains(0), !asNode || !(name.isEmpty || name.utf8.contains(UInt8(ascii: "/"))) else {
            throw FDTError(.badValue, in: operation, at: "a name that is empty or has a slash or a NUL, in \(location)")
        }
    }
}
