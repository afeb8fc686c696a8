import KernelABI

/// The memfd handler of a generation, under one of the names used by its files.
struct MemFDKind: ContentKind {
    let compatible: String
    let layout: MemFDLayout

    var name: String { compatible }
    var names: [String] { [compatible] }

    func read(from reader: inout DocumentReader) throws(DocumentReadError) -> any Content {
        try MemFDState.form.read(from: &reader)
    }
}

extension MemFDState: CodedContent {
    static let places: Set<ContentPlace> = [.file]
    static let key = "memfd"

    static func kinds(of generation: Generation) -> [any ContentKind] { memfdKinds(of: generation) }

    static func memfdKinds(of generation: Generation) -> [MemFDKind] {
        generation.fileHandlers.compactMap { handler in
            (handler.layout as? MemFDLayout).map { MemFDKind(compatible: handler.compatible, layout: $0) }
        }
    }

    static func patterns(of generation: Generation, _ pageSize: PageSize) -> [ContentPattern] {
        memfdKinds(of: generation).map { kind in
            ContentPattern(handler: kind.compatible) { kind.layout.isAlone(in: $0, pageSize) }
        }
    }

    static func sealed(_ text: String, _ generation: Generation) -> MemFDState? {
        guard let kind = memfdKinds(of: generation).first else { return nil }
        var memfd = MemFDState()
        memfd.contents = .text(text)
        // F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW and F_SEAL_WRITE.
        memfd.seals = kind.layout.seals.map { _ in 0xf }
        return memfd
    }

    var title: String { Self.key }

    var fileContents: FileContents? { file }

    /// The bytes of the memfd.
    var file: FileContents {
        FileContents(
            size: size, position: position, folios: folios, statedCount: folioCount, source: contents, hasHoles: false,
            usualFlags: (UInt64(FolioLayout.preservedFlags), FolioLayout.flagNames))
    }

    var cells: [ContentCell] {
        [
            ContentCell("pos \(position)"),
            ContentCell(seals.map { "seals " + ContentCell.flags(UInt64($0), names: MemFDLayout.sealNames) } ?? ""),
        ]
    }

    mutating func complete(
        name: inout KernelString?, by planner: inout HandoverPlanner, _ path: DocumentPath
    ) {
        let path = path[Self.key]
        let kinds = Self.memfdKinds(of: planner.generation)
        // The first one is that which the kernel writes.
        guard let kind = name.map({ name in kinds.first { KernelString($0.compatible) == name } }) ?? kinds.first else {
            planner.reportUnbuildable(
                path,
                kinds.isEmpty
                    ? "kernel \(planner.generation.name) has no memfd handler"
                    : "handler \(name?.quoted ?? "") is not a memfd handler of kernel \(planner.generation.name); "
                        + "those are \(kinds.map(\.compatible).joined(separator: ", "))")
            return
        }
        name = name ?? KernelString(kind.compatible)
        planner.completeMemFD(&self, kind.layout, path)
    }

    mutating func forgetUnread() {
        if folios == nil { folios = [] }
    }

    mutating func visitAllocations<Visitor: AllocationVisitor>(
        handle: inout UInt64?, _ sizes: FolioSizes, _ path: DocumentPath, by planner: inout HandoverPlanner,
        _ visitor: inout Visitor
    ) {
        var address = handle.map(PhysicalAddress.init(_:))
        visitor.visit(&address, .folio(order: 0, planner.pageSize), path["data"], by: &planner)
        handle = address?.rawValue
        let path = path[Self.key]
        planner.visitFolios(&folios, fileSize: size ?? 0, sizes, path["folios"], &visitor)
        guard var area = vmalloc else { return }
        vmalloc = nil
        planner.visitArea(&area, path["vmalloc"], &visitor)
        vmalloc = area
    }

    func write<Destination: PieceDestination>(
        handle: UInt64, name: KernelString?, owner: Owner, path: String, to writer: inout ImageWriter<Destination>
    ) throws(WriteError) {
        guard let size, let folioCount, let vmalloc, let folios, vmalloc.first != nil,
            let layout = Self.memfdKinds(of: writer.generation).first(where: { $0.compatible == name?.validString })?
                .layout
        else { throw .incomplete(path) }
        try writer.placePages(
            writer.pageSize.bytes, at: PhysicalAddress(handle), role: .memfd, form: .structure(layout.structure),
            owner: owner, path: path
        ) { bytes in
            layout.position.write(position, to: &bytes)
            layout.size.write(size, to: &bytes)
            layout.seals?.write(seals ?? 0, to: &bytes)
            layout.flags?.write(flags ?? 0, to: &bytes)
            layout.folioCount.write(folioCount, to: &bytes)
            layout.folios.layout.write(vmalloc, to: &bytes, at: layout.folios.offset)
        }
        try writer.write(vmalloc, owner: owner, path: path)
        let folio = FolioLayout.layout
        try writer.writeRecords(
            folios.count, of: folio.structure, in: vmalloc, role: .folioList, owner: owner, path: path
        ) { index, bytes, base in
            var word: UInt64 = 0
            folio.pfn.insert(folios[index].pfn, into: &word)
            folio.flags.insert(UInt64(folios[index].flags), into: &word)
            folio.pfn.word.write(word, to: &bytes, at: base)
            folio.index.write(folios[index].index, to: &bytes, at: base)
        }
    }
}

extension FileState {
    /// The memfd of the file, if its handler is a memfd handler and the descriptor is available.
    public var memfd: MemFDState? {
        get { content as? MemFDState }
        set { content = newValue }
    }
}

extension Extent.Role {
    static let memfd = Self("memfd", isFreedAfterUse: true)
    static let folioList = Self("folio-list", isRestoredFirst: true)
}

extension MemFDLayout {
    /// Whether the page contains only a memfd's descriptor, and the list of folios has as many pages as needed.
    fileprivate func isAlone(in page: RawSpan, _ pageSize: PageSize) -> Bool {
        let count = folioCount.read(page)
        let vmalloc = folios.layout
        let base = folios.offset
        let first = vmalloc.first.read(page, at: base)
        guard count > 0, count < 1 << 32, first.rawValue > 0, pageSize.isAligned(first) else { return false }
        let (bytes, record) = (UInt64(pageSize.bytes), UInt64(FolioLayout.layout.structure.size))
        return UInt64(vmalloc.totalPages.read(page, at: base)) == (count * record + bytes - 1) / bytes
            && size.read(page) / bytes <= 1 << 40 && vmalloc.order.read(page, at: base) <= 10
            && page.extracting(structure.size..<page.byteCount).firstNonzeroByte == nil
    }
}
