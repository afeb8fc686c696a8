import KernelABI

/// The root FDT: the addresses of the map of preserved memory and of the subtrees.
public struct KHOState: Hashable, Sendable {
    /// The address of the root FDT.
    public var fdtAddress: PhysicalAddress?
    /// Its `totalsize` in bytes.
    public var fdtSize: UInt64?
    public var compatible: KernelString?
    /// The address of the map of preserved memory.
    public var preservedMemoryMap: PhysicalAddress?
    /// The subtrees, in the order of the nodes.
    public var subtrees: [SubtreeState]?
    /// Roots of earlier handovers in the same memory.
    public var staleRoots: [PhysicalAddress]?

    public init() {}
}

extension KHOState: DocumentObject {
    package static let form = ObjectForm<KHOState>(
        "kho", "the root FDT",
        [
            .ifKnown("fdt_pa", \.fdtAddress, "the address of the root FDT").compared(as: "address"),
            .ifKnown("fdt_size", \.fdtSize, "its size in bytes").compared(as: "size", layout: true),
            .ifKnown("compatible", \.compatible, "the version of the ABI"),
            .ifKnown("preserved_memory_map", \.preservedMemoryMap, "the address of the map of preserved memory")
                .compared(apart: "map of preserved memory, address"),
            .ifKnown("subtrees", \.subtrees, "the subtrees, in the order of their nodes")
                .compared { $1.compareSubtrees($0) },
            .ifKnown(
                "stale", \.staleRoots, ArrayCodec(AddressCodec(), compact: true),
                "roots left by earlier handovers; not built"
            ).uncompared,
        ])
}

/// One subtree of the root FDT: a blob that its owner has registered.
public struct SubtreeState: Hashable, Sendable {
    public var name: KernelString = ""
    public var address: PhysicalAddress?
    /// The size of the blob in bytes.
    public var size: UInt64?
    /// The blob, if its kind is unknown, or if the known parts do not reproduce it exactly.
    public var data: [UInt8]?
    /// The contents of the blob, if a kind of content describes it.
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

    package static let form = ObjectForm<SubtreeState>(
        "subtree", "a blob that its owner has registered",
        [
            .always("name", { $0.name }, { $0.name = $1 }, required: true, "the name of the node").uncompared,
            .ifKnown("pa", { $0.address }, { $0.address = $1 }, "the address of the blob").compared(as: "address"),
            .ifKnown("size", { $0.size }, { $0.size = $1 }, "its size in bytes").compared(as: "size", layout: true),
            .ifKnown(
                "data", { $0.data }, { $0.data = $1 }, BytesCodec(),
                "the blob itself, if it is not described elsewhere here"
            ).compared { $1.compareBlobs($0.map(\.data)) },
        ] + contentMembers)
}

/// Bytes in pages of the handover that the rest of the state does not cover.
public struct ResidueState: Hashable, Sendable {
    public var address = PhysicalAddress(0)
    public var data: [UInt8] = []
    /// The number of bytes; those after ``data`` are zero. `nil` for the size of ``data``.
    public var size: UInt64?

    public init() {}

    public init(address: PhysicalAddress, data: [UInt8], size: UInt64? = nil) {
        self.address = address
        self.data = data
        self.size = size
    }
}

extension ResidueState: DocumentObject {
    package static let form = ObjectForm<ResidueState>(
        "residue", "bytes at an address", compact: true,
        [
            .always("pa", { $0.address }, { $0.address = $1 }, required: true, "the address of the bytes"),
            .always("data", { $0.data }, { $0.data = $1 }, BytesCodec(), required: true, "the bytes"),
            .ifKnown(
                "size", { $0.size }, { $0.size = $1 },
                "the number of bytes, if more than in data; the rest is zero"),
        ])
}
