import KernelABI

/// A field of a record, identified by a path in a description: `devices.refcount`.
struct PayloadField {
    /// The records, one of which has the field.
    let records: PayloadRecords
    let record: Int
    let member: PayloadLayout.Member
    /// The path of the field from the record.
    let path: String
    /// The offset in the records' bytes of the structure that has the field.
    fileprivate let base: Int
    /// The index of the field's site, if it refers to memory.
    fileprivate let site: Int

    var number: UInt64? { member.number(records.bytes.span.bytes, at: base) }

    /// The records that the field refers to.
    var target: PayloadRecords? { records.records(site, of: record) }

    /// The number of records that the field counts; `nil` if it is not a count, or they were not read.
    var counted: UInt64? {
        guard let (counted, nonzero) = member.counted else { return nil }
        let index = site - member.firstSite + counted
        if let found = records.records(index, of: record) { return found.count(nonzero: nonzero) }
        // An address of 0 means that there are none.
        guard records.layout.sites[index].link.isAddress else { return nil }
        let place = records.base(of: record) + records.layout.sites[index].offset
        return records.bytes.span.bytes.number(at: place, width: 8) == 0 ? 0 : nil
    }

    var place: Place {
        let offset = base - records.base(of: record) + member.offset
        let address = records.address(of: record)?.advanced(by: UInt64(offset))
        return Place(records.layout.name, field: path, at: address)
    }
}

extension PayloadRecords {
    /// Visits the field at the end of a path, in each record on the path.
    func visit(_ path: String, _ body: (PayloadField) -> Void) {
        visit(path.split(separator: ".")[...], body)
    }

    private func visit(_ names: ArraySlice<Substring>, _ body: (PayloadField) -> Void) {
        func visit(
            _ names: ArraySlice<Substring>, _ layout: PayloadLayout, record: Int, base: Int, site: Int, _ path: String
        ) {
            guard let name = names.first, let member = layout.member(named: String(name)) else { return }
            let field = PayloadField(
                records: self, record: record, member: member, path: path + name, base: base,
                site: site + member.firstSite)
            let rest = names.dropFirst()
            if rest.isEmpty { return body(field) }
            if let (inner, count) = member.nested {
                for index in 0..<count {
                    visit(
                        rest, inner, record: record, base: base + member.offset + index * inner.size,
                        site: field.site + index * inner.sites.count,
                        "\(path)\(name)" + (count > 1 ? "[\(index)]." : "."))
                }
            } else if let target = field.target {
                target.visit(rest, body)
            }
        }
        for record in 0..<count { visit(names, layout, record: record, base: base(of: record), site: 0, "") }
    }
}

extension PayloadLayout {
    /// The field at the end of a path, the structure of the record that has it, and its link; `nil` if there is no such
    /// field.
    func field(
        at path: String, _ layouts: [String: PayloadLayout]
    ) -> (layout: PayloadLayout, member: Member, link: PayloadLink?)? {
        var layout = self
        var record = self
        var names = path.split(separator: ".", omittingEmptySubsequences: false)[...]
        while let name = names.popFirst() {
            guard let member = layout.member(named: String(name)) else { return nil }
            let link = layout.sites.first { $0.path == member.name }?.link
            if names.isEmpty { return (record, member, link) }
            guard let next = member.nested?.layout ?? link?.target.flatMap({ layouts[$0] }) else { return nil }
            layout = next
            if member.nested == nil { record = next }
        }
        return nil
    }
}

extension PayloadLayout.Member {
    /// The structure of the field, or of its elements.
    var nested: (layout: PayloadLayout, count: Int)? {
        switch type {
        case .structure(let layout): (layout, 1)
        case .structures(let layout, let count): (layout, count)
        default: nil
        }
    }
}
