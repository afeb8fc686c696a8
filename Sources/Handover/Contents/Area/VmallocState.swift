import KernelABI

/// A preserved vmalloc area.
public struct VmallocState: Hashable, Sendable {
    /// Where the first chunk of page addresses is.
    public var first: PhysicalAddress?
    /// The number of base pages.
    public var totalPages: UInt32?
    public var flags: UInt16?
    /// Each address stands for 2^order pages.
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
    static let form = ObjectForm<VmallocState>(
        "vmalloc", "a preserved vmalloc area",
        [
            .ifKnown("first", \.first, "where the first chunk is"),
            .ifKnown("total_pages", \.totalPages, "the number of base pages"),
            .ifKnown("flags", \.flags, "bit 0: alloc; bit 1: huge vmap"),
            .ifKnown("order", \.order, "each address stands for 2^order pages"),
            .ifKnown("chunks", \.chunks, "the chunks of page addresses"),
        ])
}

extension VmallocState.Chunk: DocumentObject {
    static let form = ObjectForm<VmallocState.Chunk>(
        "vmallocChunk", "a page of page addresses",
        [
            .ifKnown("pa", \.address, "where the chunk is"),
            .always("pages", \.pages, ArrayCodec(AddressCodec(), compact: true), required: true, "the page addresses"),
        ])
}

extension Extent.Role {
    static let vmallocChunk = Self("vmalloc-chunk", isRestoredFirst: true)
}
