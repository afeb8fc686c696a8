import KernelABI

/// Lays out the description of a handover, piece by piece, as the kernel would have left it in memory.
struct MetadataWriter<Destination: PieceDestination> {
    /// What is laid out: complete, so that nothing is left to be decided.
    let state: HandoverState
    let generation: Generation
    let pageSize: PageSize
    private(set) var destination: Destination

    init(of state: HandoverState, to destination: Destination) throws(WriteError) {
        guard let generation = state.generation, let pageSize = PageSize(rawValue: state.pageSize) else {
            throw .incomplete(".kernel")
        }
        self.state = state
        self.generation = generation
        self.pageSize = pageSize
        self.destination = destination
    }

    /// Writes the map of preserved memory, LUO's state, the subtrees and the root.
    mutating func write() throws(WriteError) {
        try writeMap()
        try writeLUO()
        try writeRoot()
    }

    /// Writes bytes, and zeros behind them to the end of what belongs to the extent.
    mutating func place(
        _ bytes: [UInt8], at address: PhysicalAddress?, byteCount: Int? = nil, role: Extent.Role, form: Extent.Form,
        owner: Owner, path: @autoclosure () -> String
    ) throws(WriteError) {
        guard let address else { throw .incomplete(path()) }
        let size = max(bytes.count, byteCount ?? 0)
        try destination.take(
            bytes, of: Extent(address: address, byteCount: size, role: role, form: form, owner: owner))
    }

    /// Writes structures that begin a run of whole pages.
    mutating func placePages(
        _ bytes: [UInt8], at address: PhysicalAddress?, role: Extent.Role, form: Extent.Form, owner: Owner,
        path: @autoclosure () -> String
    ) throws(WriteError) {
        let pages = (bytes.count + pageSize.bytes - 1) / pageSize.bytes
        try place(
            bytes, at: address, byteCount: pages * pageSize.bytes, role: role, form: form, owner: owner, path: path())
    }
}

/// Where the pieces of a handover's description go.
protocol PieceDestination {
    /// Takes the bytes of an extent; what it has beyond them is zero.
    mutating func take(_ bytes: [UInt8], of extent: Extent) throws(WriteError)
}
