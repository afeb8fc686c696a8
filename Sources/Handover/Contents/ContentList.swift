import KernelABI

/// Records that a content refers to, which `dump` lists below the content's line.
public struct ContentList: Sendable {
    /// The field that refers to them.
    public let name: String
    public let count: Int
    private let cells: @Sendable (Int) -> [ContentCell]

    init(_ name: String, count: Int, _ cells: @escaping @Sendable (Int) -> [ContentCell]) {
        self.name = name
        self.count = count
        self.cells = cells
    }

    /// The fields of a record, in columns.
    public subscript(index: Int) -> [ContentCell] { cells(index) }
}

extension Payload {
    /// The records that the first structure refers to.
    var lists: [ContentList] {
        (root?.layout.sites ?? []).enumerated().compactMap { index, site in
            guard let records = root?.records(index, of: 0), records.count > 0 else { return nil }
            return ContentList(site.path, count: records.count) { records.cells(of: $0) }
        }
    }
}

extension PayloadRecords {
    /// The numbers and texts of a record, and the number of records that its fields refer to.
    fileprivate func cells(of record: Int) -> [ContentCell] {
        let base = base(of: record)
        return layout.members.compactMap { member in
            if case .characters(let count) = member.type {
                let field = CharacterField(name: member.name, offset: member.offset, count: count)
                return ContentCell("\(member.name) \(field.read(bytes.span.bytes, at: base).bare)")
            }
            guard member.meaning != .padding, let number = member.number(bytes.span.bytes, at: base) else { return nil }
            if let (site, _) = layout.link(of: member), let target = records(site, of: record) {
                return ContentCell("\(member.name): \(target.count)")
            }
            return ContentCell("\(member.name) \(text(of: number, in: member))")
        }
    }

    private func text(of number: UInt64, in member: PayloadLayout.Member) -> String {
        switch layout.structure.field(named: member.name)?.meaning {
        case .flags(let names): ContentCell.flags(number, names: names)
        case .address, .handle: number.prefixedHex
        default: member.isSigned ? "\(member.signed(number))" : "\(number)"
        }
    }
}
