import KernelABI

/// Recognises pages of a handover by their contents.
///
/// Fields have values that a kernel writes, names are followed by zeros, and so are the used parts of pages: each page
/// was zeroed when it was allocated.
struct PagePatterns: Sendable {
    /// The kinds of pages that can be recognised.
    enum Kind: Hashable, Sendable {
        case sessions
        case files
        case flbs
        /// The target of a file's handle.
        case content(handler: String)

        /// A description of the page's contents.
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

    /// The kind of `page`; `nil` for an unknown kind, as for nearly all pages.
    func kind(of page: RawSpan) -> Kind? {
        guard page.byteCount == pageSize.bytes else { return nil }
        for kind in [Kind.sessions, .files, .flbs] where records(in: page, as: kind) != nil { return kind }
        return contents.first { $0.matches(page) }?.kind
    }

    /// The records in a page, and the field that counts them.
    private struct Records {
        let present: UInt64
        /// The count in the header, if there is one.
        let stated: Field<UInt64>?
        /// Whether the page cannot hold any more.
        let isFull: Bool
    }

    /// The records in a page of this kind; `nil` if the page is not of this kind.
    private func records(in page: RawSpan, as kind: Kind) -> Records? {
        let (session, file) = (abi.sessions.record.name, abi.files.record.compatible)
        switch kind {
        case .sessions:
            return records(in: page, of: abi.sessions) { isName(session, page, at: $0) && isFileSet(page, at: $0) }
        case .files: return records(in: page, of: abi.files) { isName(file, page, at: $0) }
        case .flbs:
            return abi.flbs.flatMap { flbs in
                records(in: page, of: flbs) { isName(flbs.record.name, page, at: $0) }
            }
        case .content: return nil
        }
    }

    /// A copy of the page with a corrected count in its header; `nil` if the count may be correct.
    func mended(_ page: RawSpan, of kind: Kind) -> [UInt8]? {
        guard let records = records(in: page, as: kind), let field = records.stated else { return nil }
        let stated = field.read(page)
        guard stated != records.present, stated < records.present || !records.isFull else { return nil }
        var bytes = [UInt8](copying: page)
        field.write(records.present, to: &bytes)
        return bytes
    }

    /// The kinds related to files: their records, and the targets of their handles.
    var ofFiles: [Kind] { [.files] + contents.map(\.kind) }

    /// The block linked from the block at `address`.
    func next(after address: PhysicalAddress, in memory: any PhysicalMemory) -> PhysicalAddress? {
        guard let header = abi.sessions.header as? BlockHeaderLayout else { return nil }
        return try? memory.withBytes(at: address, count: header.structure.size) { header.next.read($0) }
    }

    // MARK: Records

    /// The records that follow the header of `container`, if it has one; `nil` unless only zeros follow them. The
    /// header may state another number.
    private func records(
        in page: RawSpan, of container: RecordContainer<some KernelStructure>, where isRecord: (Int) -> Bool
    ) -> Records? {
        let size = container.record.structure.size
        switch container.header {
        case let header as BlockHeaderLayout where !pageSize.isAligned(header.next.read(page)): return nil
        case let header as FLBHeaderLayout where header.pageCount.read(page) != 1: return nil
        default: break
        }
        let stated = container.header?.count
        var end = container.headerSize
        while end + size <= page.byteCount, isRecord(end) { end += size }
        let present = UInt64((end - container.headerSize) / size)
        let isFull = end + size > page.byteCount
        // An array continues in the following pages, possibly in the middle of a record.
        let goesOn = isFull && stated.map { $0.read(page) > present } ?? true
        guard present > 0, goesOn || page.extracting(end..<page.byteCount).firstNonzeroByte == nil else { return nil }
        return Records(present: present, stated: stated, isFull: isFull)
    }

    /// Whether a field contains a name of printable text, followed by zeros.
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

    /// Whether a session has files at a valid address, or none.
    private func isFileSet(_ page: RawSpan, at base: Int) -> Bool {
        let field = abi.sessions.record.fileSet
        let files = field.layout.files.read(page, at: base + field.offset)
        let count = field.layout.count.read(page, at: base + field.offset)
        return (files.rawValue == 0) == (count == 0) && pageSize.isAligned(files)
            && count <= UInt64(abi.files.limit(pageSize: pageSize))
    }
}

/// Recognises a page that contains only the target of a file's handle.
struct ContentPattern: Sendable {
    let handler: String
    let matches: @Sendable (_ page: RawSpan) -> Bool

    var kind: PagePatterns.Kind { .content(handler: handler) }
}
