import KernelABI

/// One chunk of the list of bitmaps: preserved blocks of one order.
public struct BitmapChunkState: Hashable, Sendable {
    public var address: PhysicalAddress?
    public var order: UInt32 = 0
    public var bitmaps: [BitmapState] = []

    public init() {}

    /// One bitmap and the memory that it is of.
    public struct BitmapState: Hashable, Sendable {
        /// The memory that bit 0 stands for.
        public var start = PhysicalAddress(0)
        public var address: PhysicalAddress?
        public var bits = Bitmap()

        public init() {}
    }
}

extension BitmapChunkState: DocumentObject {
    static let form = ObjectForm<BitmapChunkState>(
        "bitmapChunk", "a chunk of pointers to bitmaps",
        [
            .ifKnown("pa", \.address, "where the chunk is"),
            .always("order", \.order, required: true, "each bit stands for 2^order pages"),
            .always("bitmaps", \.bitmaps, required: true, "the bitmaps"),
        ])
}

extension BitmapChunkState.BitmapState: DocumentObject {
    static let form = ObjectForm<BitmapChunkState.BitmapState>(
        "bitmap", "a bitmap", compact: true,
        [
            .always("start", \.start, required: true, "the memory that bit 0 stands for"),
            .ifKnown("pa", \.address, "where the bitmap is"),
            .always("bits", \.bits, required: true, "the bits that are set"),
        ])
}
