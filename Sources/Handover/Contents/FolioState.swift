import KernelABI

/// One folio of a file's contents.
public struct FolioState: Hashable, Sendable {
    /// The page frame number, 52 bits; 0 for a hole.
    public var pfn: UInt64 = 0
    /// The position in the file, in pages.
    public var index: UInt64 = 0
    /// 12 bits: dirty, uptodate.
    public var flags = FolioLayout.preservedFlags

    public init() {}

    public init(pfn: UInt64, flags: UInt16, index: UInt64) {
        self.pfn = pfn
        self.flags = flags
        self.index = index
    }
}

extension FolioState: DocumentObject {
    package static let form = ObjectForm<FolioState>(
        "folio", "a folio of a file", compact: true,
        [
            .always(
                "pfn", { $0.pfn }, { $0.pfn = $1 }, HexCodec(), required: true, "the page frame number; 0 for a hole"),
            .always("flags", { $0.flags }, { $0.flags = $1 }, "bit 0: dirty; bit 1: up to date"),
            .always("index", { $0.index }, { $0.index = $1 }, required: true, "the offset in the file, in pages"),
        ])

    package static func compareLists(_ lists: Comparison.Pair<[Self]>, by comparison: inout Comparison) {
        let pairs = zip(lists.before ?? [], lists.after ?? [])
        if let (old, new) = pairs.first(where: { $0.index == $1.index && $0.flags != $1.flags }) {
            let subject = lists.subject.sibling("flags of the folio at page \(old.index)")
            comparison.note(subject, old.flags.prefixedHex, new.flags.prefixedHex)
        }
        let moved = pairs.filter { $0.index != $1.index || $0.pfn != $1.pfn }
        if let (old, new) = moved.first {
            let subject = lists.subject.sibling("\(moved.count) folios, the first at page \(old.index)").layout
            comparison.note(subject, old.pfn.prefixedHex, new.pfn.prefixedHex)
        }
    }
}
