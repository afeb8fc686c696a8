import KernelABI

/// The `reserve_mem` regions.
public struct MemblockState: Hashable, Sendable {
    public var compatible: KernelString?
    public var regions: [Region]?

    public init() {}

    /// A region of memory that keeps its address and contents.
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
    package static let form = ObjectForm<MemblockState>(
        "memblock", "the reserve_mem regions",
        [
            .ifKnown("compatible", \.compatible, "the version of the ABI"),
            .ifKnown("regions", \.regions, "the regions").compared(apart: "regions"),
        ])
}

extension MemblockState.Region: NamedRecord {
    static let noun = "region"
    var comparisonSummary: String { "\(size) bytes" }

    package static let form = ObjectForm<MemblockState.Region>(
        "region", "a reserve_mem region", compact: true,
        [
            .always("name", { $0.name }, { $0.name = $1 }, required: true, "the region's name"),
            .ifKnown("compatible", { $0.compatible }, { $0.compatible = $1 }, "the version of the region's node"),
            .ifKnown("start", { $0.start }, { $0.start = $1 }, "the address of the region"),
            .always("size", { $0.size }, { $0.size = $1 }, required: true, "its size in bytes")
                .compared { regions, comparison in
                    comparison.compare(regions.map(\.size))
                    guard let (old, new) = regions.both, let start = old.start, let newStart = new.start,
                        let end = start.advanced(by: min(old.size, new.size))
                    else { return }
                    comparison.compareMemory(
                        "pages of region \(new.name.quoted)", [start..<end],
                        movedBy: newStart.rawValue &- start.rawValue, isLayout: false)
                },
        ])
}

extension HandoverState {
    /// The `reserve_mem` regions.
    public var memblock: MemblockState? {
        get { self[MemblockState.self] }
        set { self[MemblockState.self] = newValue }
    }
}
