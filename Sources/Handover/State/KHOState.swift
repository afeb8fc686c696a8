import KernelABI

/// The root FDT: where the map of preserved memory and the subtrees are.
public struct KHOState: Hashable, Sendable {
    /// Where the root FDT is.
    public var fdtAddress: PhysicalAddress?
    /// Its `totalsize` in bytes.
    public var fdtSize: UInt64?
    public var compatible: KernelString?
    /// Where the map of preserved memory begins.
    public var preservedMemoryMap: PhysicalAddress?
    /// The subtrees, in the order of the nodes.
    public var subtrees: [SubtreeState]?
    /// Roots that earlier handovers have left behind in the same memory.
    public var staleRoots: [PhysicalAddress]?

    public init() {}
}

extension KHOState: DocumentObject {
    static let form = ObjectForm<KHOState>(
        "kho", "the root FDT",
        [
            .ifKnown("fdt_pa", \.fdtAddress, "where the root FDT is").compared(as: "address"),
            .ifKnown("fdt_size", \.fdtSize, "its size in bytes").compared(as: "size", layout: true),
            .ifKnown("compatible", \.compatible, "the version of the ABI"),
            .ifKnown("preserved_memory_map", \.preservedMemoryMap, "where the map of preserved memory begins")
                .compared(apart: "map of preserved memory, address"),
            .ifKnown("subtrees", \.subtrees, "the subtrees, in the order of their nodes")
                .compared { $1.compareSubtrees($0) },
            .ifKnown(
                "stale", \.staleRoots, ArrayCodec(AddressCodec(), compact: true),
                "roots that earlier handovers left behind; not built"
            ).uncompared,
        ])
}

/// One subtree of the root FDT: a blob that its owner has registered.
public struct SubtreeState: Hashable, Sendable {
    public var name: KernelString = ""
    public var address: PhysicalAddress?
    /// The size of the blob in bytes.
    public var size: UInt64?
    /// The blob, where it is of no kind known here, or not exactly what the known parts of it give.
    public var data: [UInt8]?
    /// What the blob says, if a kind of content describes it.
    private var known: AnyContent?

    public init() {}

    public init(name: KernelString) {
        self.name = name
    }

    var content: (any Content)? {
        get { known?.content }
        set { known = newValue.map(AnyContent.init) }
    }
}

extension SubtreeState: ContentOwner {
    static let contentPlace = ContentPlace.subtree
    var contentName: KernelString? {
        get { name }
        set { name = newValue ?? name }
    }

    static let form = ObjectForm<SubtreeState>(
        "subtree", "a blob that its owner has registered",
        [
            .always("name", { $0.name }, { $0.name = $1 }, required: true, "the name of the node").uncompared,
            .ifKnown("pa", { $0.address }, { $0.address = $1 }, "where the blob is").compared(as: "address"),
            .ifKnown("size", { $0.size }, { $0.size = $1 }, "its size in bytes").compared(as: "size", layout: true),
            .ifKnown(
                "data", { $0.data }, { $0.data = $1 }, BytesCodec(),
                "the blob itself, where nothing else here describes it"
            ).compared { $1.compareBlobs($0.map(\.data)) },
        ] + contentMembers)
}

/// Bytes that a page of the handover holds beyond what the state says.
public struct ResidueState: Hashable, Sendable {
    public var address = PhysicalAddress(0)
    public var data: [UInt8] = []
    /// The number of bytes; those behind ``data`` are zero. `nil` for as many as ``data`` has.
    public var size: UInt64?

    public init() {}

    public init(address: PhysicalAddress, data: [UInt8], size: UInt64? = nil) {
        self.address = address
        self.data = data
        self.size = size
    }
}

extension ResidueState: DocumentObject {
    static let form = ObjectForm<ResidueState>(
        "residue", "bytes at an address", compact: true,
        [
            .always("pa", { $0.address }, { $0.address = $1 }, required: true, "where the bytes are"),
            .always("data", { $0.data }, { $0.data = $1 }, BytesCodec(), required: true, "the bytes"),
            .ifKnown(
                "size", { $0.size }, { $0.size = $1 },
                "how many bytes there are, if more than in data: the rest is zero"),
        ])
}
