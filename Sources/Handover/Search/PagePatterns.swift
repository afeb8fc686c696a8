import KernelABI

/// What pages of a handover look like by themselves.
///
/// Their fields have values that a kernel writes, names have zeros after them, and so has what is used of a page: each
/// was allocated zeroed.
struct PagePatterns: Sendable {
    /// What a page can be.
    enum Kind: Hashable, Sendable {
        case sessions
        case files
        case flbs
        /// What the handle of a file leads to.
        case content(handler: String)

        /// What there is in the page, in words.
        var noun: String {
            switch self {
            case .sessions: "sessions"
            case .files: "files"
            case .flbs: "FLBs"
            case .content(let handler): "a file of \(handler)"
            }
        }
    }

    private let abi: Generation.LUOState
    private let contents: [ContentPattern]
    private let pageSize: PageSize

    /// `nil` for a generation without LUO.
    init?(_ generation: Generation, _ pageSize: PageSize) {
        guard let luo = generation.luo else { return nil }
        abi = luo
        contents = ContentKinds.coded.flatMap { $0.patterns(of: generation, pageSize) }
        self.pageSize = pageSize
    }

    /// What `page` looks like; `nil` for nothing known, as for nearly all.
    func kind(of page: RawSpan) -> Kind? {
        guard page.byteCount == pageSize.bytes else { return nil }
        let (session, file) = (abi.sessions.record.name, abi.files.record.compatible)
        if isContainer(page, abi.sessions, of: { isName(session, page, at: $0) && isFileSet(page, at: $0) }) {
            return .sessions
        }
        if isContainer(page, abi.files, of: { isName(file, page, at: $0) }) { return .files }
        if let flbs = abi.flbs, isContainer(page, flbs, of: { isName(flbs.record.name, page, at: $0) }) { return .flbs }
        return contents.first { $0.matches(page) }?.kind
    }

    /// What belongs to files: their records, and what their handles lead to.
    var ofFiles: [Kind] { [.files] + contents.map(\.kind) }

    /// The block that the block at `address` leads to.
    func next(after address: PhysicalAddress, in memory: any PhysicalMemory) -> PhysicalAddress? {
        let header = BlockHeaderLayout.layout
        guard abi.sessions.header == header.structure else { return nil }
        return try? memory.withBytes(at: address, count: header.structure.size) { header.next.read($0) }
    }

    // MARK: Records

    /// Whether the page begins with the header of `container`, if it has one, and has nothing but that many records.
    private func isContainer(
        _ page: RawSpan, _ container: RecordContainer<some KernelStructure>, of isRecord: (Int) -> Bool
    ) -> Bool {
        let size = container.record.structure.size
        let capacity = (pageSize.bytes - container.headerSize) / size
        let count: UInt64
        switch container.header {
        case BlockHeaderLayout.layout.structure:
            guard pageSize.isAligned(BlockHeaderLayout.layout.next.read(page)) else { return false }
            count = BlockHeaderLayout.layout.count.read(page)
        case FLBHeaderLayout.layout.structure:
            guard FLBHeaderLayout.layout.pageCount.read(page) == 1 else { return false }
            count = FLBHeaderLayout.layout.count.read(page)
        case SessionHeaderLayout.layout.structure:
            count = SessionHeaderLayout.layout.count.read(page)
        default:
            // Nothing counts the records: they end where the page is zero.
            var length = 0
            while length < capacity, isRecord(length * size) { length += 1 }
            count = UInt64(length)
        }
        guard count > 0, count <= UInt64(container.capacity(pageSize: pageSize)) else { return false }
        let present = min(Int(count), capacity)
        for index in 0..<present where !isRecord(container.headerSize + index * size) { return false }
        return count > UInt64(capacity)
            || page.extracting(container.headerSize + present * size..<page.byteCount).firstNonzeroByte == nil
    }

    /// Whether a field has a name of printable text, and zeros after it.
    private func isName(_ field: CharacterField, _ page: RawSpan, at base: Int) -> Bool {
        let bytes = page.extracting(base + field.offset..<base + field.offset + field.count)
        var end = 0
        while end < field.count {
            let byte: UInt8 = bytes.littleEndian(at: end)
            if byte == 0 { break }
            if byte < 0x20 || byte == 0x7F { return false }
            end += 1
        }
        return end > 0 && end < field.count && bytes.extracting(end..<field.count).firstNonzeroByte == nil
            && field.read(page, at: base).isValid
    }

    /// Whether a session has files at a place where files can be, or none.
    private func isFileSet(_ page: RawSpan, at base: Int) -> Bool {
        let field = abi.sessions.record.fileSet
        let files = field.layout.files.read(page, at: base + field.offset)
        let count = field.layout.count.read(page, at: base + field.offset)
        return (files.rawValue == 0) == (count == 0) && pageSize.isAligned(files)
            && count <= UInt64(abi.files.limit(pageSize: pageSize))
    }
}

/// What a page looks like that holds what a file's handle leads to, and nothing else.
struct ContentPattern: Sendable {
    let handler: String
    let matches: @Sendable (_ page: RawSpan) -> Bool

    var kind: PagePatterns.Kind { .content(handler: handler) }
}
