import KernelABI

/// One chunk of the list of bitmaps: preserved blocks of one order.
public struct BitmapChunkState: Hashable, Sendable {
    public var address: PhysicalAddress?
    public var order: UInt32 = 0
    public var bitmaps: [BitmapState] = []

    public init() {}

    /// One bitmap and the memory that it represents.
    public struct BitmapState: Hashable, Sendable {
        /// The memory that bit 0 represents.
        public var start = PhysicalAddress(0)
        public var address: PhysicalAddress?
        public var bits = Bitmap()

        public init() {}
    }
}

extension BitmapChunkState: DocumentObject {
    package static let form = ObjectForm<BitmapChunkState>(
        "bitmapChunk", "a chunk of pointers to bitmaps",
        [
            .ifKnown("pa", { $0.address }, { $0.address = $1 }, "the address of the chunk"),
            .always("order", { $0.order }, { $0.order = $1 }, required: true, "each bit represents 2^order pages"),
            .always("bitmaps", { $0.bitmaps }, { $0.bitmaps = $1 }, required: true, "the bitmaps"),
        ])
}

extension BitmapChunkState.BitmapState: DocumentObject {
    package static let form = ObjectForm<BitmapChunkState.BitmapState>(
        "bitmap", "a bitmap", compact: true,
        [
            .always("start", { $0.start }, { $0.start = $1 }, required: true, "the memory that bit 0 represents"),
            .ifKnown("pa", { $0.address }, { $0.address = $1 }, "the address of the bitmap"),
            .always("bits", { $0.bits }, { $0.bits = $1 }, required: true, "the bits that are set"),
        ])
}
