import FDT
import KernelABI

/// Reads a described payload: its records and their targets.
///
/// Reading terminates for any input: each structure is read once, counts are checked against the memory that they
/// count, and no more bytes are copied than there is memory.
struct PayloadReader {
    let kind: DescribedKind
    let context: ReadingContext
    let owner: Owner

    /// The maximum depth of links between structures.
    private static let deepest = 64

    /// Reads the structure at `address`, and what it refers to.
    func read(_ layout: PayloadLayout, at address: PhysicalAddress, depth: Int = 0, _ log: inout ReadingLog)
        -> PayloadRecords?
    {
        guard depth < Self.deepest else {
            log.report(
                finding(layout, address, "a structure \(depth) links away from the payload", "fewer links", .tooLong))
            return nil
        }
        guard log.visit(address, as: .payload, structure: layout.name, of: owner) else { return nil }
        guard let first = copy(layout.size, at: address, of: layout, &log) else { return nil }
        var records = PayloadRecords(layout, bytes: first, places: [.init(address: address, stated: 1, count: 1)])
        let tail = tail(of: records, &log)
        log.add(
            .payload, tail?.form ?? .structure(layout.structure), at: address,
            allocation(for: layout.size + (tail?.bytes.count ?? 0), at: address), of: owner)
        follow(&records, tail: tail?.bytes, depth: depth, &log)
        return records
    }

    /// The records after a structure that ends in a flexible array; `nil` if it does not, or they cannot be read.
    private func tail(of records: PayloadRecords, _ log: inout ReadingLog) -> (bytes: [UInt8], form: Extent.Form)? {
        let layout = records.layout
        guard let index = layout.flexibleSite, let record = kind.target(of: layout.sites[index].link),
            let field = layout.sites[index].count,
            let address = records.places.first?.address?.advanced(by: UInt64(layout.size))
        else { return nil }
        let count = records.bytes.span.bytes.number(at: field.offset, width: field.width)
        guard let size = spend(count, of: record, at: address, &log, orReport: layout, " after it"), count > 0,
            let bytes = copy(size, at: address, of: record, &log)
        else { return nil }
        return (bytes, .records(header: layout.structure, record: record.structure, count: Int(count)))
    }

    /// Reads a payload that is available as a blob, and what it refers to.
    func read(_ layout: PayloadLayout, blob: [UInt8], at address: PhysicalAddress?, _ log: inout ReadingLog)
        -> PayloadRecords?
    {
        guard blob.count >= layout.size else {
            log.report(finding(layout, address, "\(blob.count) bytes", "\(layout.size)", .size))
            return nil
        }
        var records = PayloadRecords(
            layout, bytes: Array(blob.prefix(layout.size)), places: [.init(address: address, stated: 1, count: 1)])
        follow(&records, tail: Array(blob.dropFirst(layout.size)), depth: 0, &log)
        return records
    }

    // MARK: - Links

    /// Reads what the records refer to.
    ///
    /// - Parameter tail: The bytes after a blob, if they are already available.
    private func follow(
        _ records: inout PayloadRecords, tail: [UInt8]? = nil, depth: Int, _ log: inout ReadingLog
    ) {
        for (index, site) in records.layout.sites.enumerated() {
            switch site.link {
            case .frame, .token: continue
            default: break
            }
            for record in 0..<records.count {
                let base = records.base(of: record) + site.offset
                let count = site.count.map {
                    records.bytes.span.bytes.number(at: records.base(of: record) + $0.offset, width: $0.width)
                }
                let target = read(site, at: base, count: count, of: records, record, tail: tail, depth, &log)
                if let target { records.setTarget(target, index, of: record) }
            }
        }
    }

    private func read(
        _ site: PayloadLayout.Site, at base: Int, count: UInt64?, of records: PayloadRecords, _ record: Int,
        tail: [UInt8]?, _ depth: Int, _ log: inout ReadingLog
    ) -> PayloadRecords.Target? {
        var target = PayloadRecords.Target()
        let layout = kind.target(of: site.link)
        var found: PayloadRecords?
        switch (site.link, layout) {
        case (.flexible, let layout?):
            let start = records.address(of: record)?.advanced(by: UInt64(records.layout.size))
            found = readTail(layout, count ?? 0, behind: records.layout, at: start, tail, depth, &log)
        case (.vmalloc, let layout?):
            var area = VmallocReader.readDescriptor(records.bytes.span.bytes, at: base)
            let place = records.address(of: record).flatMap {
                $0.advanced(by: UInt64(site.offset))
            }
            found = readArea(&area, at: Place(VmallocLayout.layout.structure, at: place), layout, count, depth, &log)
            target.area = area
        case (_, let layout):
            let address = PhysicalAddress(records.bytes.span.bytes.number(at: base, width: 8))
            guard address.rawValue != 0 else {
                if let count, count > 0, layout != nil {
                    let place = records.address(of: record)?.advanced(by: UInt64(site.offset))
                    log.report(
                        .link, of: owner, at: Place(records.layout.name, field: site.path, at: place), found: "0",
                        expected: "the address of \(count == 1 ? "a record" : "\(count) records")")
                }
                return nil
            }
            switch (site.link, layout) {
            case (.structure, let layout?): found = read(layout, at: address, depth: depth + 1, &log)
            case (.array, let layout?): found = readArray(layout, count ?? 0, at: address, depth, &log)
            case (.blockChain, let layout?): found = readBlocks(layout, at: address, depth, &log)
            case (.arrayChain(_, let header), let layout?):
                found = readArrays(layout, header, at: address, depth, &log)
            case (.tree, _):
                target.address = address
                target.tree = readTree(at: address, &log)
            default: return nil
            }
        }
        target.records = found.map(PayloadRecords.Target.Box.init)
        return target
    }

    /// Reads the records after a structure.
    private func readTail(
        _ layout: PayloadLayout, _ count: UInt64, behind outer: PayloadLayout, at address: PhysicalAddress?,
        _ tail: [UInt8]?, _ depth: Int, _ log: inout ReadingLog
    ) -> PayloadRecords? {
        var records = PayloadRecords(layout)
        if let tail {
            let (_, overflow) = count.multipliedReportingOverflow(by: UInt64(layout.size))
            let present = overflow ? UInt64(tail.count / layout.size) : min(count, UInt64(tail.count / layout.size))
            if present < count {
                log.report(finding(outer, address, "\(count) records after it", "at most \(present)"))
            }
            records.bytes = Array(tail.prefix(Int(present) * layout.size))
        } else if count > 0 {
            // The reason why they could not be read is already reported.
            return nil
        }
        records.places = [PayloadRecords.Place(address: address, stated: count, count: records.count)]
        follow(&records, depth: depth, &log)
        return records
    }

    private func readArray(
        _ layout: PayloadLayout, _ count: UInt64, at address: PhysicalAddress, _ depth: Int, _ log: inout ReadingLog
    ) -> PayloadRecords? {
        guard log.visit(address, as: .payloadRecords, structure: layout.name, of: owner) else { return nil }
        guard let size = spend(count, of: layout, at: address, &log, orReport: layout),
            let bytes = count == 0 ? [] : copy(size, at: address, of: layout, &log)
        else { return nil }
        var records = PayloadRecords(
            layout, bytes: bytes, places: [.init(address: address, stated: count, count: Int(count))])
        log.add(
            .payloadRecords, .records(header: nil, record: layout.structure, count: Int(count)), at: address,
            allocation(for: size, at: address), of: owner)
        follow(&records, depth: depth, &log)
        return records
    }

    private func readBlocks(
        _ layout: PayloadLayout, at address: PhysicalAddress, _ depth: Int, _ log: inout ReadingLog
    ) -> PayloadRecords? {
        let container = RecordContainer.blocks(of: layout)
        var reader = RecordReader(context: context, container: container, role: .payloadRecords, owner: owner)
        var bytes: [UInt8] = []
        var counts: [Int] = []
        let (blocks, _) = reader.readChain(at: address, &log) { span, places, _ in
            let start = places.first ?? 0
            bytes.append(copying: span.extracting(start..<start + places.count * layout.size))
            counts.append(places.count)
        }
        guard !blocks.isEmpty else { return nil }
        var records = PayloadRecords(layout, bytes: bytes)
        records.headerSize = container.headerSize
        records.setPlaces(blocks, capacity: container.capacity(pageSize: context.pageSize))
        follow(&records, depth: depth, &log)
        return records
    }

    private func readArrays(
        _ layout: PayloadLayout, _ header: PayloadLink.ArrayHeader, at first: PhysicalAddress, _ depth: Int,
        _ log: inout ReadingLog
    ) -> PayloadRecords? {
        guard let head = kind.layouts[header.structure], let next = head.member(named: header.next),
            let count = head.member(named: header.count)
        else { return nil }
        var records = PayloadRecords(layout)
        records.headerSize = head.size
        var address = first
        while address.rawValue != 0 {
            let here = address
            guard log.visit(here, as: .payloadRecords, structure: head.name, of: owner),
                let start = copy(head.size, at: here, of: head, &log)
            else { break }
            let stated = count.number(start.span.bytes, at: 0) ?? 0
            guard let size = spend(stated, of: layout, at: here, &log, orReport: head),
                let place = here.advanced(by: UInt64(head.size))
            else { break }
            let bytes = stated == 0 ? [] : copy(size, at: place, of: layout, &log)
            records.places.append(
                PayloadRecords.Place(address: here, stated: stated, count: (bytes?.count ?? 0) / layout.size))
            log.add(
                .payloadRecords, .records(header: head.structure, record: layout.structure, count: Int(stated)),
                at: here, allocation(for: head.size + size, at: here), of: owner)
            records.bytes += bytes ?? []
            if bytes == nil { break }
            address = PhysicalAddress(next.number(start.span.bytes, at: 0) ?? 0)
        }
        guard !records.places.isEmpty else { return nil }
        follow(&records, depth: depth, &log)
        return records
    }

    private func readArea(
        _ area: inout VmallocState, at place: Place, _ layout: PayloadLayout, _ count: UInt64?, _ depth: Int,
        _ log: inout ReadingLog
    ) -> PayloadRecords? {
        let reader = VmallocReader(context: context)
        reader.readChunks(of: &area, at: place, owner: owner, &log)
        let page = context.pageSize.bytes
        let pages = reader.pages(of: area, limit: log.budget / UInt64(page))
        let capacity = UInt64(pages.count) * UInt64(page) / UInt64(layout.size)
        let count = count ?? capacity
        guard count > 0 else { return PayloadRecords(layout) }
        guard !pages.isEmpty, log.spend(UInt64(pages.count) * UInt64(page)) else { return nil }
        if count > capacity {
            log.report(
                finding(
                    layout, area.first, "\(count) records",
                    "at most \(capacity), the capacity of its list of \(pages.count) pages"))
        }
        var records = PayloadRecords(layout)
        records.area = (pages, page)
        let total = Int(min(count, capacity)) * layout.size
        var rest = total
        for address in pages {
            let here = min(rest, page)
            log.add(
                .payloadRecords, layout.form(from: total - rest, count: here, context.pageSize), at: address, page,
                of: owner)
            guard here > 0 else { continue }
            guard log.visit(address, as: .payloadRecords, structure: layout.name, of: owner),
                let bytes = copy(here, at: address, of: layout, &log)
            else { break }
            records.bytes += bytes
            rest -= here
        }
        records.bytes.removeLast(records.bytes.count % layout.size)
        follow(&records, depth: depth, &log)
        return records
    }

    func readTree(at address: PhysicalAddress, _ log: inout ReadingLog) -> [UInt8]? {
        guard log.visit(address, as: .payload, structure: "FDT", of: owner),
            let header = context.read("FDT", of: owner, at: address, count: Header.size, &log, { Header($0) }),
            let header, header.magic == Header.magic, log.spend(UInt64(header.totalSize))
        else { return nil }
        let bytes = context.read("FDT", of: owner, at: address, count: Int(header.totalSize), &log) {
            [UInt8](copying: $0)
        }
        if let bytes {
            log.add(.payload, .tree, at: address, bytes.count, of: owner)
        }
        return bytes
    }

    // MARK: - Bytes

    /// The size of `count` records that are about to be copied; `nil`, with a finding, if it exceeds the available
    /// memory.
    private func spend(
        _ count: UInt64, of record: PayloadLayout, at address: PhysicalAddress, _ log: inout ReadingLog,
        orReport layout: PayloadLayout, _ place: String = ""
    ) -> Int? {
        let (size, overflow) = count.multipliedReportingOverflow(by: UInt64(record.size))
        if !overflow, log.spend(size) { return Int(size) }
        log.report(finding(layout, address, "\(count) records\(place)", "no more than fit in memory"))
        return nil
    }

    private func copy(
        _ count: Int, at address: PhysicalAddress, of layout: PayloadLayout, _ log: inout ReadingLog
    ) -> [UInt8]? {
        context.read(layout.name, of: owner, at: address, count: count, &log) { [UInt8](copying: $0) }
    }

    /// The size of the allocation at `address` that contains `count` bytes: whole pages, unless it begins inside a
    /// page.
    private func allocation(for count: Int, at address: PhysicalAddress) -> Int {
        guard context.pageSize.isAligned(address) else { return count }
        return Int(max(1, context.pageSize.pages(for: UInt64(count)))) * context.pageSize.bytes
    }

    private func finding(
        _ layout: PayloadLayout, _ address: PhysicalAddress?, _ found: String, _ expected: String,
        _ cause: Finding.Cause = .count
    ) -> Finding {
        Finding(cause, of: owner, at: Place(layout.structure, at: address), found: found, expected: expected)
    }
}
