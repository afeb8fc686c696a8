import FDT
import KernelABI

/// A piece of a handover's description with its bytes: a blob, a page of records, or a bitmap.
public struct HandoverPiece: Sendable {
    /// What it is, in words: `sessions of LUO, block 1`.
    public var title: String
    /// The address in memory, if known.
    public var address: PhysicalAddress?
    public var bytes: [UInt8]
    /// The bytes as a tree, if they were recognised as one when read.
    var tree: FlattenedTree?
    public var form: Extent.Form
    /// Whether it is the root or a subtree, rather than something that they refer to.
    public var isBlob = false
    /// The title of an earlier piece that is the same memory; if set, this piece has no bytes.
    public var original: String?

    /// The bytes as a tree: checked here, unless they were checked when read.
    public func openTree() throws(FDTError) -> FlattenedTree {
        if let tree { return tree }
        return try FlattenedTree(bytes)
    }
}

extension HandoverDocument {
    /// Calls `body` with every available piece: the blobs first, then what they refer to, in reading order.
    ///
    /// Contents of files and of regions are not included: they do not describe anything.
    ///
    /// - Parameters:
    ///   - name: The only blob to visit, or `nil` for everything.
    ///   - body: Receives a piece; its bytes are valid only during the call.
    public func forEachPiece(ofBlob name: String? = nil, _ body: (HandoverPiece) -> Void) {
        let extents = reading.extents
        var titles: [PhysicalAddress: String] = [:]
        for blob in blobs where name == nil || blob.name == name {
            let title = blob.name == Blob.rootName ? "root FDT" : "subtree \(ImageText(blob.name).bare)"
            if let address = blob.address {
                if let original = titles[address] {
                    var piece = HandoverPiece(title: title, address: address, bytes: [], form: .opaque)
                    piece.original = original
                    piece.isBlob = true
                    body(piece)
                    continue
                }
                titles[address] = title
            }
            // An extent is the whole allocation, so it also has what follows the blob.
            let extent = extents.first { extent in
                [.root, .subtree].contains(extent.role) && extent.address == blob.address
            }
            var piece =
                extent.flatMap { self.piece($0, title: title) }
                ?? HandoverPiece(
                    title: title, address: blob.address, bytes: blob.bytes, tree: blob.tree,
                    form: reading.state.coded[blob.name].map { type(of: $0.content).blobForm }
                        ?? Extent.Form(ofBlob: blob.bytes, reading.state.generation ?? .latest))
            piece.isBlob = true
            body(piece)
        }
        guard name == nil else { return }
        for extent in extents where extent.role.isMetadata && ![.root, .subtree].contains(extent.role) {
            if let piece = piece(extent, title: extent.title) { body(piece) }
        }
    }

    private func piece(_ extent: Extent, title: String) -> HandoverPiece? {
        memory.copy(at: extent.address, count: extent.byteCount)
            .map { HandoverPiece(title: title, address: extent.address, bytes: $0, form: extent.form) }
    }
}

extension Extent.Form {
    /// The form of a blob, derived from its bytes alone.
    fileprivate init(ofBlob bytes: [UInt8], _ generation: Generation) {
        let span = bytes.span.bytes
        let flbHeader = FLBHeaderLayout.layout
        if let header = Header(span), header.magic == Header.magic {
            self = .tree
        } else if let luo = LUOLayout(ofBlob: bytes, among: [generation, .latest]), luo.structure.fits(in: span),
            luo.compatible.read(span).bytes.starts(with: LUOLayout.compatiblePrefix.utf8)
        {
            self = .structure(luo.structure)
        } else if let flb = (generation.luo?.flbs ?? Generation.latest.luo?.flbs)?.record,
            flbHeader.structure.fits(in: span), flbHeader.pageCount.read(span) == 1,
            flbHeader.count.read(span) <= UInt64((bytes.count - flbHeader.structure.size) / flb.structure.size)
        {
            self = .records(header: flbHeader.structure, record: flb.structure, count: Int(flbHeader.count.read(span)))
        } else {
            self = .opaque
        }
    }
}

extension LUOLayout {
    /// The layout of the generation that a blob names; if it names none, that of the last one that has a layout.
    init?(ofBlob bytes: [UInt8], among generations: [Generation]) {
        let named = generations.first { generation in
            guard let luo = generation.luo, let layout = luo.record, layout.structure.fits(in: bytes.span.bytes)
            else { return false }
            return layout.compatible.holds(KernelString(luo.compatible), bytes.span.bytes)
        }
        guard let layout = named?.luo?.record ?? generations.compactMap(\.luo?.record).last else { return nil }
        self = layout
    }
}
