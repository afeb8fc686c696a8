import KernelABI

/// A preserved memfd.
public struct MemFDState: Hashable, Sendable {
    /// The file position in bytes.
    public var position: UInt64 = 0
    /// The file size in bytes.
    public var size: UInt64?
    /// `F_SEAL_*`.
    public var seals: UInt32?
    public var flags: UInt32?
    /// The number of folios that the descriptor states.
    public var folioCount: UInt64?
    /// The preserved memory that holds the array of folios.
    public var vmalloc: VmallocState?
    public var folios: [FolioState]?
    /// What is in the file, where it is to be written or was asked for.
    public var contents: Contents?

    /// The contents of a memfd, from the beginning of the file; what follows is zero.
    public enum Contents: Hashable, Sendable {
        /// In a file of this name.
        case file(String)
        case text(String)
        case bytes([UInt8])
    }

    public init() {}
}

extension MemFDState: DocumentObject {
    static let form = ObjectForm<MemFDState>(
        "memfd", "a preserved memfd",
        complete: { memfd in
            if memfd.contents == nil, memfd.size == nil, memfd.folios == nil, memfd.vmalloc == nil {
                memfd.size = 0
            }
        },
        [
            .always("pos", { $0.position }, { $0.position = $1 }, NumberCodec<UInt64>(), "the file position in bytes"),
            .ifKnown("size", { $0.size }, { $0.size = $1 }, NumberCodec<UInt64>(), "the file size in bytes"),
            .ifKnown("seals", { $0.seals }, { $0.seals = $1 }, NumberCodec<UInt32>(), "F_SEAL_* (memfd-v2)"),
            .ifKnown("flags", { $0.flags }, { $0.flags = $1 }, NumberCodec<UInt32>(), "none are defined (memfd-v2)"),
            .ifKnown(
                "nr_folios", { $0.folioCount }, { $0.folioCount = $1 }, NumberCodec<UInt64>(), "the number of folios"),
            .ifKnown(
                "vmalloc", { $0.vmalloc }, { $0.vmalloc = $1 },
                ObjectCodec<VmallocState>(), "the memory that holds the list of folios"),
            .ifKnown("folios", { $0.folios }, { $0.folios = $1 }, ArrayCodec(ObjectCodec<FolioState>()), "the folios"),
            .contents("content", "the name of a file, beside the document, with the contents", StringCodec()) {
                .file($0)
            } get: {
                if case .file(let name) = $0 { name } else { nil }
            },
            .contents("text", "the contents as text", StringCodec()) {
                .text($0)
            } get: {
                if case .text(let text) = $0 { text } else { nil }
            },
            .contents("base64", "the contents in base64", BytesCodec()) {
                .bytes($0)
            } get: {
                if case .bytes(let bytes) = $0 { bytes } else { nil }
            },
        ])
}

extension ObjectForm<MemFDState>.Member {
    /// One of the ways to give the contents.
    fileprivate static func contents<Codec: DocumentCodec>(
        _ key: String, _ summary: String, _ codec: Codec,
        set: @escaping @Sendable (Codec.Value) -> MemFDState.Contents,
        get: @escaping @Sendable (MemFDState.Contents) -> Codec.Value?
    ) -> ObjectForm<MemFDState>.Member {
        ObjectForm<MemFDState>.Member(
            key: key, summary: summary, isRequired: false, schema: codec.schema,
            write: { memfd, writer in
                guard let value = memfd.contents.flatMap(get) else { return }
                writer.key(key)
                codec.write(value, to: &writer)
            },
            read: { (memfd, reader) throws(DocumentReadError) in
                guard memfd.contents == nil else {
                    throw .document("only one of content, text and base64 can be given")
                }
                memfd.contents = set(try codec.read(from: &reader))
            })
    }
}

/// One folio of a memfd.
public struct FolioState: Hashable, Sendable {
    /// The page frame number, 52 bits; 0 for a hole.
    public var pfn: UInt64 = 0
    /// The place in the file, in pages.
    public var index: UInt64 = 0
    /// 12 bits: dirty, up to date.
    public var flags = FolioLayout.preservedFlags

    public init() {}

    public init(pfn: UInt64, flags: UInt16, index: UInt64) {
        self.pfn = pfn
        self.flags = flags
        self.index = index
    }
}

extension FolioState: DocumentObject {
    static let form = ObjectForm<FolioState>(
        "folio", "a folio of a memfd", compact: true,
        [
            .always(
                "pfn", { $0.pfn }, { $0.pfn = $1 }, HexCodec(), required: true, "the page frame number; 0 for a hole"),
            .always("flags", { $0.flags }, { $0.flags = $1 }, NumberCodec<UInt16>(), "bit 0: dirty; bit 1: up to date"),
            .always(
                "index", { $0.index }, { $0.index = $1 },
                NumberCodec<UInt64>(), required: true, "the place in the file, in pages"),
        ])
}

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
            .ifKnown("first", { $0.first }, { $0.first = $1 }, AddressCodec(), "where the first chunk is"),
            .ifKnown(
                "total_pages", { $0.totalPages }, { $0.totalPages = $1 },
                NumberCodec<UInt32>(), "the number of base pages"),
            .ifKnown("flags", { $0.flags }, { $0.flags = $1 }, NumberCodec<UInt16>(), "bit 0: alloc; bit 1: huge vmap"),
            .ifKnown(
                "order", { $0.order }, { $0.order = $1 },
                NumberCodec<UInt16>(), "each address stands for 2^order pages"),
            .ifKnown(
                "chunks", { $0.chunks }, { $0.chunks = $1 },
                ArrayCodec(ObjectCodec<Chunk>()), "the chunks of page addresses"),
        ])
}

extension VmallocState.Chunk: DocumentObject {
    static let form = ObjectForm<VmallocState.Chunk>(
        "vmallocChunk", "a page of page addresses",
        [
            .ifKnown("pa", { $0.address }, { $0.address = $1 }, AddressCodec(), "where the chunk is"),
            .always(
                "pages", { $0.pages }, { $0.pages = $1 },
                ArrayCodec(AddressCodec(), compact: true), required: true, "the page addresses"),
        ])
}
