import KernelABI

/// A preserved vmalloc area.
public struct VmallocState: Hashable, Sendable {
    /// The address of the first chunk of page addresses.
    public var first: PhysicalAddress?
    /// The number of base pages.
    public var totalPages: UInt32?
    public var flags: UInt16?
    /// Each page address represents 2^order pages.
    public var order: UInt16?
    public var chunks: [Chunk]?

    public init() {}

    /// One page of page addresses.
    public struct Chunk: Hashable, Sendable {
        public var address: PhysicalAddress?
        public var pages: [PhysicalAddress] = []

        public init() {}

        public init(address: PhysicalAddress?, pages: [PhysicalAddress]) {
            self.address = address
            self.pages = pages
        }
    }
}

extension VmallocState: DocumentObject {
    package static let form = ObjectForm<VmallocState>(
        "vmalloc", "a preserved vmalloc area",
        [
            .ifKnown("first", { $0.first }, { $0.first = $1 }, "the address of the first chunk").uncompared,
            .ifKnown("total_pages", { $0.totalPages }, { $0.totalPages = $1 }, "the number of base pages")
                .compared(as: "pages"),
            .ifKnown("flags", { $0.flags }, { $0.flags = $1 }, "bit 0: alloc; bit 1: huge vmap"),
            .ifKnown("order", { $0.order }, { $0.order = $1 }, "each address refers to 2^order pages"),
            .ifKnown("chunks", { $0.chunks }, { $0.chunks = $1 }, "the chunks of page addresses")
                .compared(as: "addresses").compared { areas, comparison in
                    let chunks = areas.layout.map(\.chunks)
                    guard let (old, new) = chunks.both, old != new else { return }
                    comparison.noteMissing(chunks.map { $0.first?.address?.description })
                },
        ])
}

extension VmallocState.Chunk: DocumentObject {
    package static let form = ObjectForm<VmallocState.Chunk>(
        "vmallocChunk", "a page of page addresses",
        [
            .ifKnown("pa", { $0.address }, { $0.address = $1 }, "the address of the chunk"),
            .always(
                "pages", { $0.pages }, { $0.pages = $1 }, ArrayCodec(AddressCodec(), compact: true), required: true,
                "the page addresses"),
        ])
}

extension Extent.Role {
    static let vmallocChunk = Self("vmalloc-chunk", isRestoredFirst: true)
}
