import KernelABI

extension Payload: Content {
    var title: String { described.title }
    var status: ContentStatus { described.status }
    var documentKey: String { "payload" }

    public static func == (left: Self, right: Self) -> Bool {
        left.title == right.title && left.root == right.root && left.tree == right.tree && left.rest == right.rest
            && left.contents == right.contents
    }

    public func hash(into hasher: inout Hasher) {
        root?.hash(into: &hasher)
        tree?.hash(into: &hasher)
    }

    func write(to writer: inout DocumentWriter) {
        if let root {
            PayloadForm(kind: described, layout: root.layout).write(0, of: root, rest: rest, to: &writer)
        } else {
            writer.base64(tree ?? [])
        }
    }

    var fileContents: FileContents? {
        guard let contents = described.contents, let root else { return nil }
        return FileContents(
            size: root.number(contents.size, of: 0), position: contents.position.flatMap { root.number($0, of: 0) },
            folios: folios(contents, root), statedCount: statedCount(contents, root), source: self.contents,
            usualFlags: contents.flags.map { (contents.preserved, folioFlagNames(contents, $0, root.layout)) })
    }

    /// The number of folios stated in the payload; `nil` if it does not state it.
    private func statedCount(_ contents: KindContents, _ root: PayloadRecords) -> UInt64? {
        let site = root.layout.site(at: contents.list).map { root.layout.sites[$0] }
        return site?.count.map { root.bytes.span.bytes.number(at: $0.offset, width: $0.width) }
    }

    private func folioFlagNames(_ contents: KindContents, _ flags: String, _ layout: PayloadLayout) -> [String] {
        let list = layout.field(at: contents.list, described.layouts)?.link?.target.flatMap { described.layouts[$0] }
        let field = list?.structure.fields.first { $0.name == flags }
        return if case .flags(let names) = field?.meaning { names } else { [] }
    }

    private func folios(_ contents: KindContents, _ root: PayloadRecords) -> [FolioState]? {
        guard let site = root.layout.site(at: contents.list), let list = root.records(site, of: 0),
            let frame = list.layout.member(named: contents.frame),
            let index = list.layout.member(named: contents.index)
        else { return nil }
        let flags = contents.flags.flatMap { list.layout.member(named: $0) }
        let bytes = list.bytes.span.bytes
        return (0..<list.count).map { record in
            let base = list.base(of: record)
            return FolioState(
                pfn: frame.number(bytes, at: base) ?? 0,
                flags: UInt16(truncatingIfNeeded: flags?.number(bytes, at: base) ?? 0),
                index: index.number(bytes, at: base) ?? 0)
        }
    }

    // MARK: - Building

    mutating func forgetUnread() {
        guard let contents = described.contents, var root,
            let site = root.layout.site(at: contents.list),
            let layout = described.target(of: root.layout.sites[site].link)
        else { return }
        self.root = nil
        var target = root.target(site, of: 0)
        target.records = target.records ?? .init(PayloadRecords(layout))
        root.setTarget(target, site, of: 0)
        self.root = root
    }

    mutating func forgetUnsaid() {
        root?.forgetUnsaid()
    }

    mutating func complete(name: inout KernelString?, by planner: inout HandoverPlanner, _ path: DocumentPath) {
        name = name ?? described.names.first.map { KernelString($0) }
        let path = path[documentKey]
        guard var root else { return }
        self.root = nil
        if let contents = described.contents { complete(contents, &root, by: &planner, path) }
        if root.places.isEmpty { root.places = [PayloadRecords.Place(address: nil, stated: 1, count: 1)] }
        root.complete(described, by: &planner, path)
        self.root = root
    }

    /// Determines the size of a file whose contents are given.
    private func complete(
        _ form: KindContents, _ root: inout PayloadRecords, by planner: inout HandoverPlanner, _ path: DocumentPath
    ) {
        guard let size = root.layout.member(named: form.size) else { return }
        let given = root.number(form.size, of: 0) ?? 0
        if let length = planner.length(of: contents, path) {
            if given == 0 { _ = size.setNumber(length, in: &root.bytes, at: 0) }
            if given != 0, length > given {
                planner.reportUnbuildable(path, "\(length) bytes do not fit: \(form.size) is \(given)")
            }
        }
        guard let site = root.layout.site(at: form.list),
            let layout = described.target(of: root.layout.sites[site].link),
            root.records(site, of: 0) == nil
        else { return }
        // One folio per page, as the kernel's own handler does; their frames are assigned with the addresses.
        let order = form.order.flatMap { root.number($0, of: 0) } ?? 0
        let step: UInt64 = 1 << min(order, 20)
        let pages = planner.pageSize.pages(for: root.number(form.size, of: 0) ?? 0)
        guard pages <= HandoverPlanner.mostFoliosMade else {
            planner.reportUnbuildable(path, "\(pages) folios would have to be created")
            return
        }
        var list = PayloadRecords(layout, zeros: Int((pages + step - 1) / step))
        for record in 0..<list.count {
            let base = list.base(of: record)
            _ = layout.member(named: form.index)?.setNumber(UInt64(record) * step, in: &list.bytes, at: base)
            if let flags = form.flags {
                _ = layout.member(named: flags)?.setNumber(form.preserved, in: &list.bytes, at: base)
            }
        }
        root.setTarget(PayloadRecords.Target(records: .init(list)), site, of: 0)
        for member in root.layout.members where member.counted?.site == site {
            let given = member.number(root.bytes.span.bytes, at: 0) ?? 0
            if given == 0 {
                _ = member.setNumber(UInt64(list.count), in: &root.bytes, at: 0)
            } else if given != UInt64(list.count) {
                planner.reportForceable(
                    path[member.name], "\(given), but \(form.list) would have \(list.count) records")
            }
        }
    }

    mutating func visitAllocations<Visitor: AllocationVisitor>(
        handle: inout UInt64?, _ sizes: FolioSizes, _ path: DocumentPath, by planner: inout HandoverPlanner,
        _ visitor: inout Visitor
    ) {
        if let tree {
            var address = handle.map(PhysicalAddress.init(_:))
            visitor.visit(&address, .pages(for: UInt64(tree.count), planner.pageSize), path["data"], by: &planner)
            handle = address?.rawValue
        }
        guard var root else { return }
        self.root = nil
        // A subtree's own allocation is visited with the subtree.
        if described.place != .subtree {
            var address = handle.map(PhysicalAddress.init(_:))
            let size = UInt64(root.byteCountWithTail(root.bytes.count))
            let allocation = Allocation.folio(
                order: PageBlock.order(holding: size, pageSize: planner.pageSize), planner.pageSize)
            visitor.visit(&address, allocation, path["data"], by: &planner)
            handle = address?.rawValue
            if !root.places.isEmpty { root.places[0].address = address }
        }
        let path = path[documentKey]
        if let contents = described.contents { visitFolios(contents, &root, sizes, path, by: &planner, &visitor) }
        root.visitAllocations(described, path, by: &planner, &visitor)
        self.root = root
    }

    private func visitFolios<Visitor: AllocationVisitor>(
        _ form: KindContents, _ root: inout PayloadRecords, _ sizes: FolioSizes, _ path: DocumentPath,
        by planner: inout HandoverPlanner, _ visitor: inout Visitor
    ) {
        guard let site = root.layout.site(at: form.list),
            var list = root.records(site, of: 0), let frame = list.layout.member(named: form.frame),
            var folios = self.folios(form, root)
        else { return }
        let order = form.order.flatMap { root.number($0, of: 0) }.map { Int(min($0, 20)) }
        let size = root.number(form.size, of: 0) ?? 0
        // If all frames are 0, they have not been assigned yet; files that consist only of holes are not generated.
        if !folios.isEmpty, folios.allSatisfy({ $0.pfn == 0 }), size > 0 {
            planner.assignFolios(&folios, order: order ?? 0, path[form.list], &visitor)
            for (record, folio) in folios.enumerated() where folio.pfn != 0 {
                _ = frame.setNumber(folio.pfn, in: &list.bytes, at: list.base(of: record))
            }
            var target = root.target(site, of: 0)
            target.records = .init(list)
            root.setTarget(target, site, of: 0)
        }
        planner.visit(folios, fileSize: size, order: order, sizes, path[form.list], &visitor)
    }

    func write<Destination: PieceDestination>(
        handle: UInt64, name: KernelString?, owner: Owner, path: String, to writer: inout ImageWriter<Destination>
    ) throws(WriteError) {
        if let tree {
            try writer.place(
                tree.count, at: PhysicalAddress(handle), role: .payload, form: .tree, owner: owner, path: path
            ) { $0 = tree }
        }
        guard let root else { return }
        if described.place != .subtree { try root.writeWhole(as: .payload, owner: owner, path: path, to: &writer) }
        try root.writeTargets(described, owner: owner, path: path, to: &writer)
    }

    /// The blob of a subtree, which is the payload itself.
    var blob: [UInt8] {
        guard let root else { return tree ?? [] }
        guard let site = root.layout.flexibleSite, let tail = root.records(site, of: 0) else {
            return root.bytes + rest
        }
        return root.bytes + tail.bytes + rest
    }

    // MARK: - Showing

    var cells: [ContentCell] {
        var cells = [ContentCell(title)]
        for (index, site) in (root?.layout.sites ?? []).enumerated() {
            guard site.link.target != nil else { continue }
            guard let records = root?.records(index, of: 0) else { continue }
            cells.append(ContentCell("\(site.path): \(records.count)"))
        }
        if status != .released { cells.append(ContentCell("in no released kernel", .faint)) }
        return cells
    }
}

extension DescribedKind {
    /// The kinds of a document.
    static func kinds(
        in document: KindDocument, declared: @escaping (String) -> DeclaredStructure? = { _ in nil }
    ) throws(DocumentReadError) -> [DescribedKind] {
        var kinds: [DescribedKind] = []
        for (index, structure) in document.structures.enumerated()
        where document.structures[..<index].contains(where: { $0.name == structure.name }) {
            throw .document("duplicate structure \"\(structure.name)\"", at: .root["structures"][index])
        }
        for (index, form) in document.kinds.enumerated() {
            let kind = try DescribedKind(form, of: document, .root["kinds"][index], declared: declared)
            guard !kinds.contains(where: { $0.title == kind.title && $0.place == kind.place }) else {
                throw .document("duplicate kind \"\(kind.title)\"", at: .root["kinds"][index])
            }
            kinds.append(kind)
        }
        return kinds
    }

    func read(
        _ handle: UInt64, owner: Owner, _ context: ReadingContext, _ log: inout ReadingLog
    ) -> (any Content)? {
        let reader = PayloadReader(kind: self, context: context, owner: owner)
        let address = PhysicalAddress(handle)
        // A series may not be the only user of a name: if the handle does not point to memory, the file may be of
        // another kind.
        if status != .released, context.memory.copy(at: address, count: root?.size ?? 8) == nil {
            log.report(
                .notAvailable, .unknown, of: owner, at: Place(root?.name ?? "FDT", at: address),
                found: "no memory available there", expected: "\(root?.size ?? 8) bytes, if it is of kind \(title)")
            return nil
        }
        guard let root else {
            return reader.readTree(at: address, &log).map { Payload(described: self, root: nil, tree: $0) }
        }
        return reader.read(root, at: address, &log).map { Payload(described: self, root: $0) }
    }

    /// Reads a payload that is a subtree's blob.
    func read(
        blob: [UInt8], at address: PhysicalAddress?, owner: Owner, _ context: ReadingContext, _ log: inout ReadingLog
    ) -> (any Content)? {
        guard let root else { return Payload(described: self, root: nil, tree: blob) }
        guard
            let records = PayloadReader(kind: self, context: context, owner: owner)
                .read(root, blob: blob, at: address, &log)
        else { return nil }
        var payload = Payload(described: self, root: records)
        payload.rest = Array(blob.dropFirst(payload.blob.count))
        return payload
    }

    func read(from reader: inout DocumentReader) throws(DocumentReadError) -> any Content {
        guard let root else { return Payload(described: self, root: nil, tree: try BytesCodec().read(from: &reader)) }
        var source: FileContents.Source?
        var rest: [UInt8] = []
        var records = try PayloadForm(kind: self, layout: root).readOne(
            from: &reader, contents: contents == nil ? nil : { source = $0 },
            rest: place == .subtree ? { rest = $0 } : nil)
        if let version, records.given.contains(version.field) == false, let value = version.values.last {
            _ = root.member(named: version.field)?.setNumber(value, in: &records.records.bytes, at: 0)
        }
        return Payload(described: self, root: records.records, rest: rest, contents: source)
    }
}

/// A payload in a document whose kind is not yet known.
struct UnresolvedPayload: Content {
    /// The kind named in the document.
    var kind: String?
    /// The JSON text of the payload.
    var text: [UInt8] = []

    var title: String { kind ?? "payload" }
    var documentKey: String { "payload" }
    var cells: [ContentCell] { [] }

    func write(to writer: inout DocumentWriter) {}

    mutating func complete(name: inout KernelString?, by planner: inout HandoverPlanner, _ path: DocumentPath) {}

    mutating func visitAllocations<Visitor: AllocationVisitor>(
        handle: inout UInt64?, _ sizes: FolioSizes, _ path: DocumentPath, by planner: inout HandoverPlanner,
        _ visitor: inout Visitor
    ) {}

    func write<Destination: PieceDestination>(
        handle: UInt64, name: KernelString?, owner: Owner, path: String, to writer: inout ImageWriter<Destination>
    ) throws(WriteError) {
        throw .incomplete("\(path).payload")
    }

    /// The payload, parsed as the kind for its name.
    func resolved(
        named name: KernelString?, at place: ContentPlace, _ generation: Generation, _ kinds: ContentKinds
    ) throws(DocumentReadError) -> any Content {
        let named = name.map { kinds.candidates(named: $0, at: place, generation) } ?? []
        let candidates =
            kind == nil ? named : named.filter { $0.title == kind || $0.name == kind || $0.variant == kind }
        guard !candidates.isEmpty else {
            let known = kinds.all.filter { $0.place == place }.flatMap(\.names)
            throw .document(
                kind == nil || named.isEmpty
                    ? "no kind describes \(name?.quoted ?? "this"); known kinds are "
                        + Set(known).sorted().joined(separator: ", ")
                    : "kind \"\(kind ?? "")\" does not describe \(name?.quoted ?? "this"); these do: "
                        + named.map(\.title).joined(separator: ", "))
        }
        var firstProblem: DocumentReadError?
        // If there are several layouts, use the first one that has all the fields, and the version that the document
        // states.
        for candidate in candidates {
            do throws(DocumentReadError) {
                let content = try DocumentReader.read(text) { (reader) throws(DocumentReadError) in
                    try candidate.read(from: &reader)
                }
                if let payload = content as? Payload, let root = payload.root, !payload.described.isVersion(of: root) {
                    continue
                }
                return content
            } catch {
                firstProblem = firstProblem ?? error
            }
        }
        throw firstProblem ?? .document("no layout of \(candidates[0].name) has this version")
    }
}
