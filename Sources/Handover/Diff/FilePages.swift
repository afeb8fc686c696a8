import KernelABI

/// The pages of a file on one side of a comparison: in memory, or as given in a document.
struct FilePages {
    let map: ContentsMap
    /// The available memory.
    let regions: [Range<PhysicalAddress>]
    private let memory: any PhysicalMemory
    /// The file from its beginning, if given in a document; it is followed by zeros.
    private let given: MappedFile?
    private let pageSize: PageSize
    /// Whether bytes without a folio are unknown: folios are missing from the list, or the list does not omit holes.
    private let isIncomplete: Bool

    /// - Returns: `nil` if the side does not contain the contents.
    init?(of file: FileContents, on side: HandoverDiff.Side, _ regions: [Range<PhysicalAddress>], _ pageSize: PageSize)
    {
        given =
            switch file.source {
            case .file(let name): try? side.openFile?(name)
            case .text(let text): MappedFile(bytes: Array(text.utf8), name: "text")
            case .bytes(let bytes): MappedFile(bytes: bytes, name: "base64")
            // A document that gives only a size is built with zeros.
            case nil: side.openFile != nil && file.folios == nil ? MappedFile(bytes: [], name: "zeros") : nil
            }
        guard given != nil || side.memory != nil else { return nil }
        self.pageSize = pageSize
        isIncomplete = file.isIncomplete
        self.regions = given == nil ? regions : []
        memory = side.memory ?? EmptyMemory()
        map = ContentsMap(of: file, preserved: side.state.preserved, pageSize: pageSize)
    }

    /// The pages whose bytes are available, as ascending ranges.
    var available: [Range<UInt64>] { given.map { [0..<pageSize.pages(for: $0.count)] } ?? map.pages(in: regions) }

    /// The number of pages below `end` that neither side has, although one of them has their addresses.
    func pagesOutside(and other: Self, below end: UInt64) -> UInt64 {
        guard given == nil, other.given == nil else { return 0 }
        return map.pagesOutside(regions, and: other.map, other.regions, below: end)
    }

    /// Whether `count` pages equal those of another file; they must be contiguous in memory in both.
    func isEqual(to other: Self, at page: UInt64, count: UInt64) -> Bool {
        guard let address = map.address(ofPage: page), let otherAddress = other.map.address(ofPage: page) else {
            return false
        }
        return memory.isEqual(
            at: address, to: other.memory, at: otherAddress, count: Int(count) << pageSize.shift) ?? false
    }

    /// The number of pages from `page` on that are contiguous in memory.
    func pagesInRow(from page: UInt64) -> UInt64 { given == nil ? map.pagesInRow(from: page) : 0 }

    /// The first `count` bytes of a page, zeros in a hole; `nil` if unavailable.
    func bytes(of page: UInt64, count: Int) -> [UInt8]? {
        if let given {
            let start = page << UInt64(pageSize.shift)
            var bytes: [UInt8] = []
            let present = Int(min(UInt64(count), given.count - min(start, given.count)))
            if present > 0 {
                guard (try? given.withBytes(at: start, count: present, { bytes.append(copying: $0) })) != nil else {
                    return nil
                }
            }
            return bytes + [UInt8](repeating: 0, count: count - present)
        }
        guard let address = map.address(ofPage: page) else {
            return isIncomplete ? nil : [UInt8](repeating: 0, count: count)
        }
        return memory.copy(at: address, count: count)
    }
}

extension HandoverDiff.Side {
    /// The contents of a document.
    ///
    /// - Parameters:
    ///   - document: The state that was read from it.
    ///   - open: Opens the file that a `content` names.
    public init(
        _ document: HandoverState, open: @escaping @Sendable (String) throws(FileError) -> MappedFile
    ) {
        self.init(state: document)
        openFile = open
        // Contents in a document from `dump --contents` are stored as residue: bytes at addresses.
        let contents = document.contentsExtents.map(\.range).merged()
        let isContents = { (piece: ResidueState) in
            let next = contents.partitioningIndex { $0.upperBound > piece.address }
            return contents.indices.contains(next) && contents[next].contains(piece.address)
        }
        let given = (document.residue ?? []).filter(isContents)
        guard let pageSize = document.pageSize, !given.isEmpty else { return }
        var bytes = SparseMemory(pageSize: pageSize.bytes)
        for range in contents { bytes.allocate(range) }
        for piece in given { try? bytes.write(piece.data, at: piece.address) }
        memory = bytes
        let rest = (document.residue ?? []).filter { !isContents($0) }
        state.residue = rest.isEmpty ? nil : rest
    }
}
