/// Writes a tree in one pass: reservations, then nodes and properties in order. C: libfdt's `fdt_create` family.
///
///     var writer = try SequentialWriter(capacity: 4096)
///     try writer.finishReservations()
///     try writer.node("") { (root) throws(FDTError) in
///         try root.property("compatible", string: "acme,board")
///     }
///     let tree = try writer.finish()
///
/// Methods map one to one to libfdt calls, so the bytes are the same as those of C code that makes these calls. An
/// error leaves the writer as it was before the call.
public struct SequentialWriter: Sendable {
    private var storage: Storage
    private let grows: Bool
    private var openNodes: [String] = []

    /// Begins a tree of at most `capacity` bytes. C: `fdt_create`.
    ///
    /// The strings are moved only at the end: until then, header, structure and strings share the capacity.
    public init(capacity: Int) throws(FDTError) {
        try self.init(capacity: capacity, grows: false)
    }

    /// Begins a tree of unlimited size, initially with room for `growing` bytes. C: `fdt_create`, `fdt_resize`.
    public init(growing: Int = 4096) throws(FDTError) {
        try self.init(capacity: max(growing, 64), grows: true)
    }

    private init(capacity: Int, grows: Bool) throws(FDTError) {
        guard capacity >= 0, let size = Int32(exactly: capacity) else {
            throw FDTError(.noSpace, in: "fdt_create", at: "a capacity of \(capacity) bytes")
        }
        storage = Storage(count: capacity)
        self.grows = grows
        try Call.create(&storage.bytes, size).get(at: "a capacity of \(capacity) bytes")
    }

    /// Adds an entry to the memory reservation block. C: `fdt_add_reservemap_entry`.
    public mutating func addReservation(address: UInt64, size: UInt64) throws(FDTError) {
        try write { Call.addReservation($0, address, size) }
    }

    /// Ends the memory reservation block; nodes may follow. C: `fdt_finish_reservemap`.
    public mutating func finishReservations() throws(FDTError) {
        try write { Call.finishReservations($0) }
    }

    /// Begins a node in the current node; the root's name is empty. C: `fdt_begin_node`.
    public mutating func beginNode(_ name: String) throws(FDTError) {
        try refuseNUL(in: name, "fdt_begin_node")
        try write(name) { Call.beginNode($0, name) }
        openNodes.append(name)
    }

    /// Ends the current node. C: `fdt_end_node`.
    public mutating func endNode() throws(FDTError) {
        // libfdt would write the tag and leave the error for the reader to find.
        guard !openNodes.isEmpty else {
            throw FDTError(.badStructure, in: "fdt_end_node", at: "no node is open")
        }
        try write { Call.endNode($0) }
        openNodes.removeLast()
    }

    /// Writes a node: begins it, calls `body` to fill it, and ends it.
    public mutating func node(
        _ name: String, _ body: (inout SequentialWriter) throws(FDTError) -> Void
    ) throws(FDTError) {
        try beginNode(name)
        try body(&self)
        try endNode()
    }

    /// Adds a property to the current node. C: `fdt_property`.
    public mutating func property(_ name: String, bytes: [UInt8] = []) throws(FDTError) {
        try refuseNUL(in: name, "fdt_property")
        guard !openNodes.isEmpty else {
            throw FDTError(.badStructure, in: "fdt_property", at: "\(name): no node is open")
        }
        guard bytes.count <= Int32.max else { throw FDTError(.noSpace, in: "fdt_property", at: location(name)) }
        try write(name) { Call.property($0, name, bytes) }
    }

    /// Finishes the tree. C: `fdt_finish`; the result is checked with `fdt_check_full`.
    public consuming func finish() throws(FDTError) -> FlattenedTree {
        guard openNodes.isEmpty else {
            throw FDTError(.badStructure, in: "fdt_finish", at: "node \(path) has not ended")
        }
        var writer = self
        try writer.write { Call.finish($0) }
        return try writer.storage.withBytes { (bytes) throws(FDTError) in try FlattenedTree(bytes: bytes) }
    }

    /// Makes one libfdt call; if the buffer is too small and may grow, enlarges it and tries again.
    private mutating func write(
        _ name: String? = nil, _ call: (UnsafeMutableRawPointer) -> Call
    ) throws(FDTError) {
        var outcome = call(&storage.bytes)
        while outcome.needsRoom, grows, storage.count <= Int(Int32.max) / 2 {
            var larger = Storage(count: storage.count * 2)
            try Call.resize(&storage.bytes, &larger.bytes, Int32(larger.count)).get(at: location(name))
            storage = larger
            outcome = call(&storage.bytes)
        }
        try outcome.get(at: location(name))
    }

    private func refuseNUL(in name: String, _ operation: String) throws(FDTError) {
        guard !name.utf8.contains(0) else {
            throw FDTError(.badValue, in: operation, at: "a NUL in a name in \(path)")
        }
    }

    private var path: String { openNodes.count > 1 ? openNodes.joined(separator: "/") : "/" }

    private func location(_ name: String?) -> String {
        guard let name, !openNodes.isEmpty else { return path }
        return path == "/" ? "/\(name)" : "\(path)/\(name)"
    }
}
