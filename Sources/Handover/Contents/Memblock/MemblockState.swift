import KernelABI

/// The `reserve_mem` regions.
public struct MemblockState: Hashable, Sendable {
    public var compatible: KernelString?
    public var regions: [Region]?

    public init() {}

    /// One region of memory that keeps its place and contents.
    public struct Region: Hashable, Sendable {
        public var name: KernelString = ""
        public var compatible: KernelString?
        public var start: PhysicalAddress?
        /// The size in bytes.
        public var size: UInt64 = 0

        public init() {}
    }
}

extension MemblockState: DocumentObject {
    static let form = ObjectForm<MemblockState>(
        "memblock", "the reserve_mem regions",
        [
            .ifKnown("compatible", \.compatible, "the version of the ABI"),
            .ifKnown("regions", \.regions, "the regions"),
        ])
}

extension MemblockState.Region: DocumentObject {
    static let form = ObjectForm<MemblockState.Region>(
        "region", "a reserve_mem region", compact: true,
        [
            .always("name", \.name, required: true, "the region's name"),
            .ifKnown("compatible", \.compatible, "the version of the region's node"),
            .ifKnown("start", \.start, "where the region begins"),
            .always("size", \.size, required: true, "its size in bytes"),
        ])
}

extension HandoverState {
    /// The `reserve_mem` regions.
    public var memblock: MemblockState? {
        get { self[MemblockState.self] }
        set { self[MemblockState.self] = newValue }
    }
}
