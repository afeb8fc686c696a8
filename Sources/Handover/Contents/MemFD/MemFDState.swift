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
    /// The number of folios stated in the descriptor.
    public var folioCount: UInt64?
    /// The preserved memory that contains the array of folios.
    public var vmalloc: VmallocState?
    public var folios: [FolioState]?
    /// The contents of the file, if they are to be written or were requested.
    public var contents: Contents?

    public typealias Contents = FileContents.Source

    public init() {}
}

extension MemFDState {
    package static let form = ObjectForm<MemFDState>(
        "memfd", "a preserved memfd",
        complete: { memfd, _ in
            if memfd.contents == nil, memfd.size == nil, memfd.folios == nil, memfd.vmalloc == nil {
                memfd.size = 0
            }
        },
        [
            .always("pos", { $0.position }, { $0.position = $1 }, "the file position in bytes")
                .compared(as: "position"),
            .ifKnown("size", { $0.size }, { $0.size = $1 }, "the file size in bytes"),
            .ifKnown("seals", { $0.seals }, { $0.seals = $1 }, "F_SEAL_* (memfd-v2)")
                .compared { $0.seals?.prefixedHex },
            .ifKnown("flags", { $0.flags }, { $0.flags = $1 }, "none are defined (memfd-v2)")
                .compared { $0.flags?.prefixedHex },
            .ifKnown("nr_folios", { $0.folioCount }, { $0.folioCount = $1 }, "the number of folios")
                .compared(as: "number of folios", layout: true),
            .ifKnown("vmalloc", { $0.vmalloc }, { $0.vmalloc = $1 }, "the memory that holds the list of folios")
                .compared(as: "list of folios", layout: true),
            .ifKnown("folios", { $0.folios }, { $0.folios = $1 }, "the folios"),
            .contents(
                "content", "the path of a file with the contents, relative to the document", StringCodec().schema),
            .contents("text", "the contents as text", StringCodec().schema),
            .contents("base64", "the contents in base64", BytesCodec().schema),
        ])
}

extension ObjectForm<MemFDState>.Member {
    /// One of the members for giving the contents.
    fileprivate static func contents(_ key: String, _ summary: String, _ schema: DocumentSchema) -> Self {
        Self(
            key: key, summary: summary, isRequired: false, schema: schema,
            write: { memfd, writer in
                guard let contents = memfd.contents, contents.key == key else { return }
                writer.key(key)
                contents.write(to: &writer)
            },
            read: { (memfd, reader) throws(DocumentReadError) in
                guard memfd.contents == nil else {
                    throw .document("only one of content, text and base64 can be given")
                }
                memfd.contents = try FileContents.Source.read(key, from: &reader)
            })
    }
}
