import KernelABI

/// What a handover contains at a physical address: the piece, its owner, and the pointers to it.
public struct AddressAnswer: Sendable {
    public let address: PhysicalAddress
    /// The pieces of the handover that contain the address; several if they overlap.
    public let places: [Place]
    /// The preserved block that contains the address; `nil` if there is none.
    public let block: PageBlock?
    /// Whether the map of preserved memory was read.
    public let isMapKnown: Bool
    /// Whether the input has the byte.
    public let isAvailable: Bool
    /// The pointers to the address, to its page, or to the beginning of one of ``places``.
    public let pointers: [Pointer]

    /// A piece of the handover that contains the address.
    public struct Place: Hashable, Sendable {
        public var extent: Extent
        /// The offset in the file in bytes, if the piece is a file's contents.
        public var fileOffset: UInt64?
    }

    /// A word in a piece of the handover's description that holds an address.
    public struct Pointer: Hashable, Sendable {
        public var extent: Extent
        /// The offset of the word in the piece, in bytes.
        public var offset: Int

        public init(extent: Extent, offset: Int) {
            self.extent = extent
            self.offset = offset
        }

        /// The bytes of the piece that contains the word; `nil` if the input lacks them.
        public func bytes(in memory: any PhysicalMemory) -> [UInt8]? {
            memory.copy(at: extent.address, count: extent.byteCount)
        }
    }

    /// Searches everything that was read. Takes time linear in the size of the description.
    public init(_ address: PhysicalAddress, in document: HandoverDocument) {
        let reading = document.reading
        let pageSize = document.pageSize
        let page = address.rawValue >> UInt64(pageSize.shift)
        var targets: Set<UInt64> = [address.rawValue, page << UInt64(pageSize.shift)]
        var frames: Set<UInt64> = [page]
        var places: [Place] = []
        for extent in reading.extents where extent.range.contains(address) { places.append(Place(extent: extent)) }
        reading.state.forEachContents { owner, contents, map in
            guard let run = map.runs.first(where: { map.addresses(of: $0)?.contains(address) ?? false }) else { return }
            for extent in map.extents(owner: owner) where extent.range.contains(address) {
                let offset = (run.index &+ (page - run.pfn)) << UInt64(pageSize.shift)
                places.append(
                    Place(extent: extent, fileOffset: offset + (address.rawValue & UInt64(pageSize.bytes - 1))))
            }
            // A record has the first page of a folio.
            if let folio = contents.folios?.filter({ $0.pfn != 0 && $0.pfn <= page }).max(by: { $0.pfn < $1.pfn }) {
                frames.insert(folio.pfn)
            }
        }
        for region in reading.state.subtreeExtents where region.range.contains(address) {
            places.append(Place(extent: region))
        }
        for place in places where place.fileOffset == nil { targets.insert(place.extent.address.rawValue) }
        targets.remove(0)
        frames.remove(0)

        self.address = address
        self.places = places
        isMapKnown = reading.state.preserved?.map != nil
        block = reading.state.preserved.flatMap { PreservedIndex($0, pageSize: pageSize).block(containing: address) }
        isAvailable = document.memory.copy(at: address, count: 1) != nil
        pointers = reading.extents.flatMap { extent in
            var offsets: [Int] = []
            extent.forEachWord(in: document.memory) { word, offset in
                if extent.holdsFrames
                    ? frames.contains(FolioLayout.layout.pfn.extract(from: word)) : targets.contains(word)
                {
                    offsets.append(offset)
                }
            }
            return offsets.map { Pointer(extent: extent, offset: $0) }
        }
    }
}

extension Extent {
    /// The words of the piece that can be addresses, in order.
    public func addresses(in memory: any PhysicalMemory) -> [PhysicalAddress] {
        guard !holdsFrames else { return [] }
        var addresses: [PhysicalAddress] = []
        forEachWord(in: memory) { word, _ in addresses.append(PhysicalAddress(word)) }
        return addresses
    }

    /// Whether the piece is a list of page frame numbers, rather than of addresses.
    public var holdsFrames: Bool {
        if case .records(_, let record, _) = form { record == FolioLayout.layout.structure } else { false }
    }

    /// Visits each word that is an address or a handle, or contains a frame number; in an FDT, or bytes without a
    /// structure, each aligned word. Bitmaps and contents have none.
    func forEachWord(in memory: any PhysicalMemory, _ body: (_ word: UInt64, _ offset: Int) -> Void) {
        guard role.isMetadata, role != .bitmap, role != .radixLeaf else { return }
        func visit(_ bytes: RawSpan, at offset: Int) {
            guard offset + 8 <= bytes.byteCount else { return }
            let word = bytes.littleEndian(at: offset, as: UInt64.self)
            if word != 0 { body(word, offset) }
        }
        func visitAll(count: Int, _ visitAll: (RawSpan) -> Void) {
            _ = try? memory.withBytes(at: address, count: min(count, byteCount), visitAll)
        }
        switch form {
        case .tree, .opaque:
            let step = form == .tree ? 4 : 8
            visitAll(count: byteCount) { bytes in
                for offset in stride(from: 0, to: bytes.byteCount, by: step) { visit(bytes, at: offset) }
            }
        case .structure(let structure):
            visitAll(count: structure.size) { bytes in
                for offset in structure.linkOffsets { visit(bytes, at: offset) }
            }
        case .slice(let record, let start, let count):
            guard record.size > 0 else { return }
            visitAll(count: count) { bytes in
                for base in stride(from: -(start % record.size), to: bytes.byteCount, by: record.size) {
                    for offset in record.linkOffsets where base + offset >= 0 { visit(bytes, at: base + offset) }
                }
            }
        case .records(let header, let record, let number):
            guard record.size > 0 else { return }
            let start = header?.size ?? 0
            let end = start + min(number, byteCount / record.size) * record.size
            let offsets = holdsFrames ? [FolioLayout.layout.pfn.offset] : record.linkOffsets
            visitAll(count: end) { bytes in
                for offset in header?.linkOffsets ?? [] { visit(bytes, at: offset) }
                for base in stride(from: start, to: end, by: record.size) {
                    for offset in offsets { visit(bytes, at: base + offset) }
                }
            }
        }
    }
}

extension StructureDescription {
    /// The offsets of the words that are addresses or handles, in bytes from the beginning.
    fileprivate var linkOffsets: [Int] {
        fields.flatMap { field -> [Int] in
            if let nested = field.nested?.description {
                return (0..<(field.count ?? 1)).flatMap { element in
                    nested.linkOffsets.map { field.offset + element * nested.size + $0 }
                }
            }
            switch field.meaning {
            case .address, .handle: return Array(stride(from: field.offset, to: field.offset + field.size, by: 8))
            default: return []
            }
        }
    }
}
