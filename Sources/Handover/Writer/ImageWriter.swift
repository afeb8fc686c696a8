import KernelABI

/// Lays out a handover, piece by piece, as a kernel would have left it in memory.
struct ImageWriter<Destination: PieceDestination> {
    /// The state to lay out, which must be complete.
    let state: HandoverState
    let generation: Generation
    let pageSize: PageSize
    var destination: Destination

    init(of state: HandoverState, to destination: Destination) throws(WriteError) {
        guard let generation = state.generation, let pageSize = state.pageSize else {
            throw .incomplete(".kernel")
        }
        self.state = state
        self.generation = generation
        self.pageSize = pageSize
        self.destination = destination
    }

    /// Writes the description of the handover: the map of preserved memory, LUO's state, the subtrees and the root.
    mutating func writeMetadata() throws(WriteError) {
        try writeMap()
        try writeLUO()
        try writeRoot()
    }

    /// Writes bytes, then zeros up to the end of the extent.
    ///
    /// - Parameter fill: Writes the `count` bytes into a zeroed buffer.
    mutating func place(
        _ count: Int, at address: PhysicalAddress?, byteCount: Int? = nil, role: Extent.Role, form: Extent.Form,
        owner: Owner, path: @autoclosure () -> String, _ fill: (inout [UInt8]) throws(WriteError) -> Void
    ) throws(WriteError) {
        guard let address else { throw .incomplete(path()) }
        let size = max(count, byteCount ?? 0)
        try destination.take(
            Extent(address: address, byteCount: size, role: role, form: form, owner: owner), count: count, fill)
    }

    /// Writes structures at the beginning of a run of whole pages.
    mutating func placePages(
        _ count: Int, at address: PhysicalAddress?, role: Extent.Role, form: Extent.Form, owner: Owner,
        path: @autoclosure () -> String, _ fill: (inout [UInt8]) throws(WriteError) -> Void
    ) throws(WriteError) {
        let pages = (count + pageSize.bytes - 1) / pageSize.bytes
        try place(
            count, at: address, byteCount: pages * pageSize.bytes, role: role, form: form, owner: owner, path: path(),
            fill)
    }
}

/// Receives the pieces of a handover.
protocol PieceDestination {
    /// Receives the bytes at the beginning of an extent; the rest of it is zero.
    ///
    /// - Parameter fill: Writes the `count` bytes into a zeroed buffer. A destination that does not need them does not
    ///   call it.
    mutating func take(
        _ extent: Extent, count: Int, _ fill: (inout [UInt8]) throws(WriteError) -> Void
    ) throws(WriteError)
}
