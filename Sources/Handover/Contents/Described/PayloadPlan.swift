import KernelABI

extension PayloadRecords {
    /// Fills in blocks, arrays and areas that the document leaves out.
    mutating func complete(_ kind: DescribedKind, by planner: inout HandoverPlanner, _ path: DocumentPath) {
        updateTargets { records, site, offset, target, known in
            guard known != nil || target.area != nil else { return }
            let blockPath = path["\(site.path)_blocks"]
            let path = path[site.path]
            var found = known ?? PayloadRecords(kind.target(of: site.link) ?? records.layout)
            found.headerSize = site.link.headerSize(kind.layouts)
            let given = site.link.isAddress ? records.address(at: offset) : nil
            switch site.link {
            case .blockChain:
                let container = RecordContainer.blocks(of: found.layout)
                found.completePlaces(
                    holding: 1...UInt64(max(1, container.capacity(pageSize: planner.pageSize))),
                    limit: container.allocationLimit, first: given, by: &planner, path, blockPath)
            case .arrayChain:
                let room = planner.pageSize.bytes - found.headerSize
                found.completePlaces(
                    holding: 0...UInt64(max(1, room / max(1, found.layout.size))), limit: .max, first: given,
                    by: &planner, path, blockPath)
            case .vmalloc:
                planner.completeArea(
                    &target.area.orEmpty, byteCount: UInt64(found.bytes.count), of: "\(found.count) records", path)
            default:
                found.places = [Place(address: given, stated: UInt64(found.count), count: found.count)]
            }
            found.complete(kind, by: &planner, path)
            known = found
        }
    }

    /// The address that a field holds; `nil` for 0.
    private func address(at offset: Int) -> PhysicalAddress? {
        let value = bytes.span.bytes.number(at: offset, width: 8)
        return value == 0 ? nil : PhysicalAddress(value)
    }

    /// Makes the allocations that the records need, or holds those that are given against them.
    private mutating func completePlaces(
        holding range: ClosedRange<UInt64>, limit: Int, first: PhysicalAddress?, by planner: inout HandoverPlanner,
        _ path: DocumentPath, _ blockPath: DocumentPath
    ) {
        let areMade = places.isEmpty
        let areStated = places.contains { $0.stated != 0 }
        var blocks = areMade ? nil : places.map { BlockState(address: $0.address, count: areStated ? $0.stated : nil) }
        let rest = planner.completeBlocks(&blocks, count: count, holding: range, limit: limit, blockPath, path)
        if rest > 0 {
            planner.reportUnbuildable(path, "the blocks hold \(count - rest) records, but there are \(count)")
        }
        if areMade { blocks?[0].address = first }
        setPlaces(blocks ?? [], capacity: Int(range.upperBound))
    }

    /// Visits the allocations that the records lead to, and puts their addresses into the fields.
    mutating func visitAllocations<Visitor: AllocationVisitor>(
        _ kind: DescribedKind, _ path: DocumentPath, by planner: inout HandoverPlanner, _ visitor: inout Visitor
    ) {
        updateTargets { records, site, offset, target, known in
            let path = path[site.path]
            guard var found = known else {
                guard let tree = target.tree else { return }
                visitor.visit(&target.address, .pages(for: UInt64(tree.count), planner.pageSize), path, by: &planner)
                if let address = target.address { records.bytes.setNumber(address.rawValue, at: offset, width: 8) }
                return
            }
            switch site.link {
            case .flexible:
                let size = records.layout.size
                let start = records.address(of: offset / size)?.advanced(by: UInt64(size))
                if !found.places.isEmpty { found.places[0].address = start }
            case .vmalloc:
                planner.visitArea(&target.area.orEmpty, path, &visitor)
                VmallocLayout.layout.write(target.area.orEmpty, to: &records.bytes, at: offset)
            default:
                let isChain = found.headerSize > 0
                let size = isChain ? planner.pageSize.bytes : found.byteCountWithTail(found.bytes.count)
                let allocation = Allocation.folio(
                    order: PageBlock.order(holding: UInt64(size), pageSize: planner.pageSize), planner.pageSize)
                for place in found.places.indices where isChain || found.count > 0 {
                    visitor.visit(&found.places[place].address, allocation, path, by: &planner)
                }
                if let first = found.places.first?.address {
                    records.bytes.setNumber(first.rawValue, at: offset, width: 8)
                }
            }
            found.visitAllocations(kind, path, by: &planner, &visitor)
            known = found
        }
    }

    /// The size of an allocation of `size` bytes and the records after them.
    func byteCountWithTail(_ size: Int) -> Int {
        guard let site = layout.flexibleSite, let tail = records(site, of: 0) else { return size }
        return size + tail.bytes.count
    }

    // MARK: - Writing

    /// Writes what the records lead to.
    func writeTargets<Destination: PieceDestination>(
        _ kind: DescribedKind, owner: Owner, path: String, to writer: inout ImageWriter<Destination>
    ) throws(WriteError) {
        try forEachTarget { (site, target) throws(WriteError) in
            if let tree = target.tree {
                try writer.place(
                    tree.count, at: target.address, role: .payload, form: .tree, owner: owner, path: path
                ) { $0 = tree }
            }
            guard let found = target.records?.records else { return }
            switch site.link {
            case .structure: try found.writeWhole(as: .payload, owner: owner, path: path, to: &writer)
            case .array: try found.writeWhole(as: .payloadRecords, owner: owner, path: path, to: &writer)
            case .blockChain, .arrayChain:
                try found.writeChain(site.link, kind, owner: owner, path: path, to: &writer)
            case .vmalloc:
                if let area = target.area {
                    try writer.write(area, owner: owner, path: path)
                    let pageSize = writer.pageSize
                    try writer.write(
                        found.bytes, in: area, role: .payloadRecords,
                        form: { found.layout.form(from: $0, count: $1, pageSize) }, owner: owner, path: path)
                }
            case .flexible, .frame, .tree, .token: break
            }
            try found.writeTargets(kind, owner: owner, path: path, to: &writer)
        }
    }

    /// Writes records that lie in one allocation, with what is behind them.
    func writeWhole<Destination: PieceDestination>(
        as role: Extent.Role, owner: Owner, path: String, to writer: inout ImageWriter<Destination>
    ) throws(WriteError) {
        guard count > 0 else { return }
        let whole = bytes + (layout.flexibleSite.flatMap { records($0, of: 0) }?.bytes ?? [])
        try writer.placePages(
            whole.count, at: places.first?.address, role: role, form: form, owner: owner, path: path
        ) { $0 = whole }
    }

    private func writeChain<Destination: PieceDestination>(
        _ link: PayloadLink, _ kind: DescribedKind, owner: Owner, path: String,
        to writer: inout ImageWriter<Destination>
    ) throws(WriteError) {
        var record = 0
        for (index, place) in places.enumerated() {
            let next = places.indices.contains(index + 1) ? places[index + 1].address?.rawValue ?? 0 : 0
            let start = base(of: record)
            record += place.count
            let end = base(of: record)
            let header = link.header(next: next, count: place.stated, kind.layouts)
            try writer.placePages(
                headerSize + end - start, at: place.address, role: .payloadRecords,
                form: .records(header: header.structure, record: layout.structure, count: place.count), owner: owner,
                path: path
            ) { $0 = header.bytes + bytes[start..<end] }
        }
    }
}

extension PayloadLink {
    /// What heads an allocation of a chain.
    fileprivate func header(
        next: UInt64, count: UInt64, _ layouts: [String: PayloadLayout]
    ) -> (structure: StructureDescription?, bytes: [UInt8]) {
        switch self {
        case .blockChain:
            let layout = BlockHeaderLayout.layout
            var bytes = [UInt8](repeating: 0, count: layout.structure.size)
            layout.next.write(PhysicalAddress(next), to: &bytes)
            layout.count.write(count, to: &bytes)
            return (layout.structure, bytes)
        case .arrayChain(_, let header):
            guard let layout = layouts[header.structure] else { return (nil, []) }
            var bytes = [UInt8](repeating: 0, count: layout.size)
            _ = layout.member(named: header.next)?.setNumber(next, in: &bytes, at: 0)
            _ = layout.member(named: header.count)?.setNumber(count, in: &bytes, at: 0)
            return (layout.structure, bytes)
        default: return (nil, [])
        }
    }
}
