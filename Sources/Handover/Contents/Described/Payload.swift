import KernelABI

/// A described payload: its records as in memory, and the records that they refer to.
///
/// Bytes are kept as they are: fields are looked up on demand, and bytes without a description are preserved.
public struct Payload: Sendable {
    let described: DescribedKind
    /// The first structure of the payload; `nil` if it is an FDT.
    var root: PayloadRecords?
    /// The FDT, if the payload is one.
    var tree: [UInt8]?
    /// The bytes of a subtree's blob after the described structures.
    var rest: [UInt8] = []
    /// The contents of the file, if they should be written.
    var contents: FileContents.Source?
}

/// Consecutive records of one structure.
struct PayloadRecords: Hashable, Sendable {
    let layout: PayloadLayout
    /// The records, without gaps.
    var bytes: [UInt8]
    /// The allocations that hold the records, in order.
    var places: [Place]
    /// The size in bytes of each allocation's header.
    var headerSize = 0
    /// The pages of an area, in which records may cross pages; `nil` for other records.
    var area: (pages: [PhysicalAddress], pageSize: Int)?
    /// What each record refers to, by the index of the layout's site, then by record. Empty if no record of a site
    /// refers to separate memory.
    var targets: [[Target]] = []

    /// An allocation: an array, a block of a chain, a page of an area.
    struct Place: Hashable, Sendable {
        /// `nil` until it is assigned.
        var address: PhysicalAddress?
        /// The number of records stated in the allocation's header, or the number it contains.
        var stated: UInt64
        /// The number of records that were read from it, or are to be written to it.
        var count: Int
    }

    /// The target of a field. Unknown if everything is empty.
    struct Target: Hashable, Sendable {
        var records: Box?
        var area: VmallocState?
        /// The FDT that the field refers to, and its address.
        var tree: [UInt8]?
        var address: PhysicalAddress?

        /// Records, stored by reference, as a structure can refer to more of its own kind.
        final class Box: Hashable, Sendable {
            let records: PayloadRecords

            init(_ records: PayloadRecords) { self.records = records }

            static func == (left: Box, right: Box) -> Bool { left === right || left.records == right.records }
            func hash(into hasher: inout Hasher) { records.hash(into: &hasher) }
        }
    }

    init(_ layout: PayloadLayout, bytes: [UInt8] = [], places: [Place] = []) {
        self.layout = layout
        self.bytes = bytes
        self.places = places
    }

    /// Zeroed records.
    init(_ layout: PayloadLayout, zeros count: Int) {
        self.init(layout, bytes: [UInt8](repeating: 0, count: count * layout.size))
    }

    var count: Int { bytes.count / layout.size }

    static func == (left: Self, right: Self) -> Bool {
        left.layout.structure == right.layout.structure && left.bytes == right.bytes && left.places == right.places
            && left.targets == right.targets
    }

    func hash(into hasher: inout Hasher) { hasher.combine(bytes) }

    /// The offset in ``bytes`` of a record.
    func base(of record: Int) -> Int { record * layout.size }

    func target(_ site: Int, of record: Int) -> Target {
        guard targets.indices.contains(site), targets[site].indices.contains(record) else { return Target() }
        return targets[site][record]
    }

    /// The records that a field of a record refers to.
    func records(_ site: Int, of record: Int) -> PayloadRecords? { target(site, of: record).records?.records }

    /// Takes the allocations from blocks, each of which holds as many records as it states, up to its capacity.
    mutating func setPlaces(_ blocks: [BlockState], capacity: Int) {
        var rest = count
        places = blocks.map { block in
            let stated = block.count ?? 0
            let here = Int(min(stated, UInt64(min(rest, capacity))))
            rest -= here
            return Place(address: block.address, stated: stated, count: here)
        }
    }

    /// Visits the known targets of the fields.
    func forEachTarget<Failure: Error>(
        _ body: (PayloadLayout.Site, Target) throws(Failure) -> Void
    ) throws(Failure) {
        for (site, targets) in zip(layout.sites, targets) { for target in targets { try body(site, target) } }
    }

    /// Changes the known targets of the fields.
    ///
    /// - Parameter body: Receives these records, the site, the offset of its field in ``bytes``, the target, and the
    ///   target's records.
    mutating func updateTargets(
        _ body: (inout Self, PayloadLayout.Site, _ offset: Int, inout Target, inout PayloadRecords?) -> Void
    ) {
        for (index, site) in layout.sites.enumerated() where targets.indices.contains(index) {
            for record in targets[index].indices where targets[index][record] != Target() {
                var target = targets[index][record]
                var found = target.records?.records
                body(&self, site, base(of: record) + site.offset, &target, &found)
                target.records = found.map(Target.Box.init)
                targets[index][record] = target
            }
        }
    }

    mutating func setTarget(_ target: Target, _ site: Int, of record: Int) {
        if targets.isEmpty { targets = [[Target]](repeating: [], count: layout.sites.count) }
        if targets[site].isEmpty { targets[site] = [Target](repeating: Target(), count: count) }
        targets[site][record] = target
    }

    /// Zeroes bytes that a document does not represent, here and in the records' targets.
    mutating func forgetUnsaid() {
        if !layout.isSaidWhole { for record in 0..<count { layout.forgetUnsaid(&bytes, at: base(of: record)) } }
        updateTargets { _, _, _, _, found in found?.forgetUnsaid() }
    }

    /// The number in a field of a record.
    func number(_ name: String, of record: Int) -> UInt64? {
        layout.member(named: name)?.number(bytes.span.bytes, at: base(of: record))
    }

    /// The address of a record's first byte; `nil` until it is assigned.
    func address(of record: Int) -> PhysicalAddress? {
        if let area {
            let (page, offset) = base(of: record).quotientAndRemainder(dividingBy: area.pageSize)
            return page < area.pages.count ? area.pages[page].advanced(by: UInt64(offset)) : nil
        }
        var index = record
        for place in places {
            guard index >= place.count else {
                return place.address?.advanced(by: UInt64(headerSize + index * layout.size))
            }
            index -= place.count
        }
        return nil
    }
}

extension [FileState] {
    /// Visits the files with described kinds, with their indices in the list.
    func forEachPayload(_ body: (_ index: Int, _ file: FileState, _ payload: Payload) -> Void) {
        // Adjacent files usually have the same kind, usually one implemented in Swift.
        var coded: KernelString?
        for (index, file) in enumerated() where file.hasContent && file.compatible != coded {
            guard let payload = file.content as? Payload else {
                coded = file.compatible
                continue
            }
            body(index, file, payload)
        }
    }
}

extension Payload {
    /// The structure of a blob that contains the payload; bytes after the records have no structure.
    var form: Extent.Form { rest.isEmpty ? root?.form ?? .tree : .opaque }
}

extension PayloadRecords {
    /// The form of a structure with the records after it.
    var form: Extent.Form {
        if let site = layout.flexibleSite, let tail = records(site, of: 0), tail.count > 0 {
            return .records(header: layout.structure, record: tail.layout.structure, count: tail.count)
        }
        return count == 1
            ? .structure(layout.structure) : .records(header: nil, record: layout.structure, count: count)
    }
}

extension PayloadLayout {
    /// The form of a page of an area with `count` bytes of records, beginning at byte `start` of the records.
    func form(from start: Int, count: Int, _ pageSize: PageSize) -> Extent.Form {
        pageSize.bytes % size == 0
            ? .records(header: nil, record: structure, count: count / size)
            : .slice(of: structure, from: start, count: count)
    }
}

extension PayloadLink {
    /// Whether the field contains the address of records, 0 for none.
    var isAddress: Bool {
        switch self {
        case .structure, .array, .blockChain, .arrayChain: true
        default: false
        }
    }

    /// The size in bytes of the header of each allocation of the records.
    func headerSize(_ layouts: [String: PayloadLayout]) -> Int {
        switch self {
        case .blockChain: BlockHeaderLayout.layout.structure.size
        case .arrayChain(_, let header): layouts[header.structure]?.size ?? 0
        default: 0
        }
    }
}

extension Extent.Role {
    /// A structure of a described payload.
    static let payload = Self("payload")
    /// Records that a described payload refers to.
    static let payloadRecords = Self("payload-records")
}
