import KernelABI

/// How the records of a layout are represented in a document: one object each, with the kernel's field names as keys.
///
/// A field that refers to records contains them under its own name; next to it are, as far as known, the address
/// (`_pa`), the blocks or arrays that contain the records (`_blocks`) or the area (`_vmalloc`).
struct PayloadForm: Sendable {
    let kind: DescribedKind
    let layout: PayloadLayout
    /// The index of the first of this structure's sites among those of the structure that contains it.
    var firstSite = 0
    /// The offset of this structure in the one that contains it.
    var offset = 0

    private enum Value {
        /// The field itself.
        case field(PayloadLayout.Member)
        case address(Int)
        case places(Int)
        case area(Int)
        /// The records, the structure, or the FDT that a site refers to.
        case target(Int)
        /// The contents of the file that the record describes.
        case contents(String)
        /// The bytes of a blob after the described structures.
        case rest

        /// Its key in a document.
        static let restKey = "rest"
    }

    /// The keys next to the one of a field that refers to memory.
    static func keys(besides name: String, _ link: PayloadLink) -> [String] {
        values(besides: name, link, 0).map(\.key)
    }

    private static func values(
        besides name: String, _ link: PayloadLink, _ site: Int
    ) -> [(key: String, value: Value)] {
        switch link {
        case .frame, .token, .flexible: []
        case .vmalloc: [("\(name)_vmalloc", .area(site))]
        case .blockChain, .arrayChain: [("\(name)_pa", .address(site)), ("\(name)_blocks", .places(site))]
        case .structure, .array, .tree: [("\(name)_pa", .address(site))]
        }
    }

    private func keys() -> [(key: String, value: Value)] {
        layout.members.flatMap { member -> [(key: String, value: Value)] in
            guard let (site, link) = layout.link(of: member), link != .frame, link != .token else {
                return [(member.name, .field(member))]
            }
            return Self.values(besides: member.name, link, site) + [(member.name, .target(site))]
        }
    }

    // MARK: - Writing

    /// Writes all records, as an array.
    func writeAll(_ records: PayloadRecords, to writer: inout DocumentWriter) {
        let keys = keys().map { (DocumentWriter.Key($0.key), $0.value) }
        writer.array { writer in
            for record in 0..<records.count {
                writer.element()
                write(record, of: records, keys, to: &writer)
            }
        }
    }

    /// Writes one record, as an object.
    ///
    /// - Parameter rest: The bytes of a blob after it.
    func write(_ record: Int, of records: PayloadRecords, rest: [UInt8] = [], to writer: inout DocumentWriter) {
        let keys = rest.isEmpty ? keys() : keys() + [(Value.restKey, .rest)]
        write(record, of: records, keys.map { (DocumentWriter.Key($0.key), $0.value) }, rest: rest, to: &writer)
    }

    private func write(
        _ record: Int, of records: PayloadRecords, _ keys: [(key: DocumentWriter.Key, value: Value)],
        rest: [UInt8] = [], to writer: inout DocumentWriter
    ) {
        let base = records.base(of: record) + offset
        writer.object(compact: layout.sites.isEmpty || layout.sites.allSatisfy { $0.link.target == nil }) { writer in
            for (key, value) in keys {
                switch value {
                case .contents: break
                case .rest:
                    writer.key(key)
                    writer.base64(rest)
                case .field(let member):
                    if member.meaning == .padding, isZero(member, records, base) { continue }
                    writer.key(key)
                    write(member, of: record, records, base, to: &writer)
                case .address(let site):
                    writer.key(key)
                    writer.hex(records.bytes.span.bytes.number(at: base + layout.sites[site].offset, width: 8))
                case .places(let site):
                    guard let target = records.records(firstSite + site, of: record) else { continue }
                    writer.key(key)
                    ArrayCodec(ObjectCodec<BlockState>()).write(
                        target.places.map { BlockState(address: $0.address, count: $0.stated) }, to: &writer)
                case .area(let site):
                    guard let area = records.target(firstSite + site, of: record).area else { continue }
                    writer.key(key)
                    VmallocState.form.write(area, to: &writer)
                case .target(let site):
                    let target = records.target(firstSite + site, of: record)
                    if let tree = target.tree {
                        writer.key(key)
                        writer.base64(tree)
                    } else if let found = target.records?.records {
                        let form = PayloadForm(kind: kind, layout: found.layout)
                        writer.key(key)
                        if case .structure = layout.sites[site].link {
                            form.write(0, of: found, to: &writer)
                        } else {
                            form.writeAll(found, to: &writer)
                        }
                    }
                }
            }
        }
    }

    private func isZero(_ member: PayloadLayout.Member, _ records: PayloadRecords, _ base: Int) -> Bool {
        switch member.type {
        case .bytes(let count):
            records.bytes[base + member.offset..<base + member.offset + count].allSatisfy { $0 == 0 }
        default: member.number(records.bytes.span.bytes, at: base) == 0
        }
    }

    private func write(
        _ member: PayloadLayout.Member, of record: Int, _ records: PayloadRecords, _ base: Int,
        to writer: inout DocumentWriter
    ) {
        let bytes = records.bytes.span.bytes
        let start = base + member.offset
        switch member.type {
        case .number, .bits:
            write(member.number(bytes, at: base) ?? 0, member, to: &writer)
        case .characters(let count):
            KernelStringCodec().write(
                CharacterField(name: member.name, offset: start, count: count).read(bytes), to: &writer)
        case .bytes(let count): writer.base64(Array(records.bytes[start..<start + count]))
        case .numbers(let width, let count):
            writer.array(compact: true) { writer in
                for index in 0..<count {
                    writer.element()
                    write(records.bytes.span.bytes.number(at: start + index * width, width: width), member, to: &writer)
                }
            }
        case .structure(let inner):
            nested(inner, member, 0).write(record, of: records, to: &writer)
        case .structures(let inner, let count):
            writer.array { writer in
                for index in 0..<count {
                    writer.element()
                    nested(inner, member, index).write(record, of: records, to: &writer)
                }
            }
        case .area:
            VmallocState.form.write(VmallocReader.readDescriptor(bytes, at: start), to: &writer)
        case .flexible: break
        }
    }

    private func write(_ value: UInt64, _ member: PayloadLayout.Member, to writer: inout DocumentWriter) {
        let isHandle =
            member.meaning == .hex
            || layout.sites.contains { $0.path == member.name && ($0.link == .token || $0.link == .frame) }
        if isHandle {
            writer.hex(value)
        } else if member.isSigned, member.signed(value) < 0 {
            writer.word(String(member.signed(value)))
        } else {
            writer.number(value)
        }
    }

    /// The form of a nested structure.
    private func nested(_ inner: PayloadLayout, _ member: PayloadLayout.Member, _ index: Int) -> PayloadForm {
        PayloadForm(
            kind: kind, layout: inner, firstSite: firstSite + member.firstSite + index * inner.sites.count,
            offset: offset + member.offset + index * inner.size)
    }

    // MARK: - Reading

    /// Reads an array of records.
    func readAll(from reader: inout DocumentReader) throws(DocumentReadError) -> PayloadRecords {
        var records = PayloadRecords(layout)
        let keys = keys()
        try reader.array { (reader) throws(DocumentReadError) in
            records.bytes.append(contentsOf: repeatElement(0, count: layout.size))
            for site in records.targets.indices where !records.targets[site].isEmpty {
                records.targets[site].append(PayloadRecords.Target())
            }
            try read(records.count - 1, into: &records, keys, from: &reader)
        }
        return records
    }

    /// Reads one record.
    ///
    /// - Parameter contents: Receives the contents of the file that the record describes; `nil` if it does not describe
    ///   any.
    /// - Returns: The record, and the keys that were present.
    func readOne(
        from reader: inout DocumentReader, contents: ((FileContents.Source) -> Void)? = nil,
        rest: (([UInt8]) -> Void)? = nil
    ) throws(DocumentReadError) -> (records: PayloadRecords, given: Set<String>) {
        var records = PayloadRecords(layout, zeros: 1)
        let sources = contents == nil ? [] : FileContents.Source.keys.map { ($0, Value.contents($0)) }
        let others = rest == nil ? sources : sources + [(Value.restKey, .rest)]
        let given = try read(
            0, into: &records, keys() + others, from: &reader, contents: contents ?? { _ in }, rest: rest ?? { _ in })
        return (records, given)
    }

    @discardableResult
    private func read(
        _ record: Int, into records: inout PayloadRecords, _ keys: [(key: String, value: Value)],
        from reader: inout DocumentReader, contents: (FileContents.Source) -> Void = { _ in },
        rest: ([UInt8]) -> Void = { _ in }
    ) throws(DocumentReadError) -> Set<String> {
        try reader.beginObject("a \(layout.name)")
        var given: Set<Int> = []
        var areGiven: Set<String> = []
        while let index = try reader.key(
            isFirst: given.isEmpty,
            { (reader, range) throws(DocumentReadError) in
                let key = reader.string(range)
                if let index = keys.firstIndex(where: { $0.key == key }) { return index }
                let suggestion = Spelling.suggestion(for: key, among: keys.map(\.key))
                throw .document("unknown key \"\(key)\"" + (suggestion.map { "; \($0)" } ?? ""))
            })
        {
            let (key, value) = keys[index]
            do throws(DocumentReadError) {
                guard given.insert(index).inserted else { throw .document("duplicate key") }
                areGiven.insert(key)
                if case .contents(let key) = value {
                    contents(try FileContents.Source.read(key, from: &reader))
                } else if case .rest = value {
                    rest(try BytesCodec().read(from: &reader))
                } else {
                    try read(value, record, &records, from: &reader)
                }
            } catch {
                throw error.inside(".\(key)")
            }
        }
        count(record, &records, unless: areGiven)
        return areGiven
    }

    private func read(
        _ value: Value, _ record: Int, _ records: inout PayloadRecords, from reader: inout DocumentReader
    ) throws(DocumentReadError) {
        let base = records.base(of: record) + offset
        switch value {
        case .contents, .rest: break
        case .field(let member): try read(member, record, &records, base, from: &reader)
        case .address(let site):
            let address = try AddressCodec().read(from: &reader)
            records.bytes.setNumber(address.rawValue, at: base + layout.sites[site].offset, width: 8)
            update(site, record, &records) { $0.address = address }
        case .places(let site):
            let blocks = try ArrayCodec(ObjectCodec<BlockState>()).read(from: &reader)
            update(site, record, &records) { target in
                var found = target.records?.records ?? PayloadRecords(self.target(of: site))
                found.places = blocks.map { PayloadRecords.Place(address: $0.address, stated: $0.count ?? 0, count: 0) }
                target.records = .init(found)
            }
        case .area(let site):
            let area = try ObjectCodec<VmallocState>().read(from: &reader)
            update(site, record, &records) { $0.area = area }
        case .target(let site):
            if case .tree = layout.sites[site].link {
                let tree = try BytesCodec().read(from: &reader)
                update(site, record, &records) { $0.tree = tree }
                return
            }
            let form = PayloadForm(kind: kind, layout: target(of: site))
            let isSingle = if case .structure = layout.sites[site].link { true } else { false }
            var found = isSingle ? try form.readOne(from: &reader).records : try form.readAll(from: &reader)
            update(site, record, &records) { target in
                found.places = target.records?.records.places ?? []
                target.records = .init(found)
            }
        }
    }

    private func target(of site: Int) -> PayloadLayout {
        kind.target(of: layout.sites[site].link) ?? layout
    }

    private func update(
        _ site: Int, _ record: Int, _ records: inout PayloadRecords, _ body: (inout PayloadRecords.Target) -> Void
    ) {
        var target = records.target(firstSite + site, of: record)
        body(&target)
        records.setTarget(target, firstSite + site, of: record)
    }

    private func read(
        _ member: PayloadLayout.Member, _ record: Int, _ records: inout PayloadRecords, _ base: Int,
        from reader: inout DocumentReader
    ) throws(DocumentReadError) {
        let start = base + member.offset
        switch member.type {
        case .number, .bits:
            let value = try readNumber(of: member, from: &reader)
            guard member.setNumber(value, in: &records.bytes, at: base) else {
                throw .document("\(value) does not fit: the largest value is \(member.limit)")
            }
        case .characters(let count):
            let string = try KernelStringCodec().read(from: &reader)
            guard string.bytes.count <= (string.isTerminated ? count - 1 : count) else {
                throw .document("\(string.bytes.count) bytes do not fit into \(count), the NUL included")
            }
            CharacterField(name: member.name, offset: start, count: count).write(string, to: &records.bytes)
        case .bytes(let count):
            let bytes = try BytesCodec().read(from: &reader)
            guard bytes.count <= count else { throw .document("\(bytes.count) bytes do not fit into \(count)") }
            records.bytes.replaceSubrange(start..<start + bytes.count, with: bytes)
        case .numbers(let width, let count):
            var values: [UInt64] = []
            try reader.array { (reader) throws(DocumentReadError) in
                values.append(try readNumber(of: member, from: &reader))
            }
            guard values.count <= count, values.allSatisfy({ $0 <= member.limit }) else {
                throw .document("expected at most \(count) numbers of \(width) bytes")
            }
            for (index, value) in values.enumerated() {
                records.bytes.setNumber(value, at: start + index * width, width: width)
            }
        case .structure(let inner):
            let form = nested(inner, member, 0)
            try form.read(record, into: &records, form.keys(), from: &reader)
        case .structures(let inner, let count):
            var index = 0
            var copy = records
            try reader.array { (reader) throws(DocumentReadError) in
                guard index < count else { throw .document("there are only \(count) elements") }
                let form = nested(inner, member, index)
                try form.read(record, into: &copy, form.keys(), from: &reader)
                index += 1
            }
            records = copy
        case .area:
            let area = try ObjectCodec<VmallocState>().read(from: &reader)
            VmallocLayout.layout.write(area, to: &records.bytes, at: start)
        case .flexible: break
        }
    }

    private func readNumber(
        of member: PayloadLayout.Member, from reader: inout DocumentReader
    ) throws(DocumentReadError) -> UInt64 {
        guard member.isSigned else { return try NumberCodec<UInt64>().read(from: &reader) }
        let value = try reader.signedNumber("expected an integer")
        guard let word = member.unsigned(value) else { throw .document("\(value) does not fit") }
        return word
    }

    /// Fills in counts that the document omits.
    private func count(_ record: Int, _ records: inout PayloadRecords, unless given: Set<String>) {
        for member in layout.members where !given.contains(member.name) {
            guard let (site, nonzero) = member.counted,
                let found = records.records(firstSite + site, of: record)
            else { continue }
            _ = member.setNumber(
                found.count(nonzero: nonzero), in: &records.bytes, at: records.base(of: record) + offset)
        }
    }
}

extension PayloadRecords {
    /// The number of records, or of those in which a field is nonzero.
    func count(nonzero field: String?) -> UInt64 {
        guard let field, let member = layout.member(named: field) else { return UInt64(count) }
        return UInt64((0..<count).count { member.number(bytes.span.bytes, at: base(of: $0)) != 0 })
    }
}

extension VmallocLayout {
    /// Writes a descriptor; unknown values are 0.
    func write(_ area: VmallocState, to bytes: inout [UInt8], at base: Int) {
        first.write(area.first ?? PhysicalAddress(0), to: &bytes, at: base)
        totalPages.write(area.totalPages ?? 0, to: &bytes, at: base)
        flags.write(area.flags ?? 0, to: &bytes, at: base)
        order.write(area.order ?? 0, to: &bytes, at: base)
    }
}
