import KernelABI

/// Creates layouts from the structures of a document, each once; reports errors with their document paths.
struct LayoutResolver {
    let document: KindDocument
    /// A kernel's own structures, by tag.
    let declared: (String) -> DeclaredStructure?
    /// The links of structures whose fields are the kernel's own.
    let linkPlaces: [KindLinkPlace]
    /// The link and count fields in headers of chained arrays, by structure.
    private let headers: [String: PayloadLink.ArrayHeader]
    private(set) var layouts: [String: PayloadLayout] = [:]
    /// The structures that are currently being laid out, each nested in the previous one.
    private var open: Set<String> = []
    /// The links that have not been followed yet.
    private var links: [(PayloadLink, DocumentPath)] = []

    /// The maximum nesting depth of structures.
    private static let deepest = 64
    /// The maximum size of a structure, in bytes.
    private static let largest = 1 << 20
    /// The maximum number of linking fields in a structure, including nested ones.
    private static let mostSites = 1 << 12

    init(
        _ document: KindDocument, links: [KindLinkPlace],
        declared: @escaping (String) -> DeclaredStructure?
    ) {
        self.document = document
        linkPlaces = links
        self.declared = declared
        let forms = document.structures.flatMap { $0.fields ?? [] }.compactMap(\.link) + links.compactMap(\.link)
        let headers = forms.compactMap { form -> PayloadLink.ArrayHeader? in
            guard case .arrayChain(_, let header)? = try? Self.link(form, .root) else { return nil }
            return header
        }
        self.headers = Dictionary(headers.map { ($0.structure, $0) }) { first, _ in first }
    }

    /// The layout of the structure with this name, and of everything it refers to.
    mutating func resolve(_ name: String, _ path: DocumentPath) throws(DocumentReadError) -> PayloadLayout {
        let layout = try lay(out: name, path)
        while let (link, place) = links.popLast() {
            var headerSize = 0
            if case .blockChain = link { headerSize = BlockHeaderLayout.layout.structure.size }
            if case .arrayChain(_, let header) = link {
                let layout = try lay(out: header.structure, place)
                for field in [header.next, header.count] where layout.member(named: field)?.limit ?? 0 == 0 {
                    throw .document("structure \"\(header.structure)\" has no number \"\(field)\"", at: place)
                }
                headerSize = layout.size
            }
            guard let name = link.target else { continue }
            let record = try lay(out: name, place)
            if case .structure = link { continue }
            if record.flexibleSite != nil {
                throw .document("records of structure \"\(name)\" have no fixed size", at: place)
            }
            if headerSize > 0, headerSize + record.size > PageSize.kib4.bytes {
                throw .document("a record of structure \"\(name)\" does not fit into a page", at: place)
            }
        }
        return layout
    }

    private mutating func lay(out name: String, _ path: DocumentPath) throws(DocumentReadError) -> PayloadLayout {
        if let layout = layouts[name] { return layout }
        guard open.insert(name).inserted else {
            throw .document("structure \"\(name)\" contains itself", at: path)
        }
        guard open.count <= Self.deepest else {
            throw .document("structure \"\(name)\" is nested in \(Self.deepest) others", at: path)
        }
        let index = document.structures.firstIndex { $0.name == name }
        let form = index.map { document.structures[$0] }
        let place = index.map { DocumentPath.root["structures"][$0] } ?? path
        let layout: PayloadLayout
        if let form, let fields = form.fields {
            layout = try lay(out: form, fields.map { ($0, nil) }, size: nil, place["fields"])
        } else if let structure = declared(form?.btf ?? name) {
            let form = form ?? KindStructure(name: name)
            layout = try lay(out: form, fields(of: structure), size: structure.size, place)
        } else {
            throw .document(
                form == nil
                    ? "no structure \"\(name)\", either here or in the type information of --btf"
                    : "structure \"\(name)\" has no fields, and --btf has no \"\(form?.btf ?? name)\"", at: place)
        }
        open.remove(name)
        layouts[name] = layout
        links += layout.sites.map { ($0.link, place) }
        return layout
    }

    /// A kernel's own fields, with the links specified for them.
    private func fields(of structure: DeclaredStructure) -> [(KindField, bitOffset: Int?)] {
        structure.members.map { member in
            var field = KindField()
            field.name = member.name
            field.type = member.type + (member.bitWidth.map { ":\($0)" } ?? "")
            let place = linkPlaces.first { $0.field == "\(structure.name).\(member.name)" }
            field.link = place?.link
            field.counts = place?.counts
            return (field, member.bitOffset)
        }
    }

    // MARK: - Fields

    private mutating func lay(
        out form: KindStructure, _ fields: [(KindField, bitOffset: Int?)], size stated: Int?, _ path: DocumentPath
    ) throws(DocumentReadError) -> PayloadLayout {
        var members: [PayloadLayout.Member] = []
        var sites: [PayloadLayout.Site] = []
        var descriptions: [FieldDescription] = []
        var size = 0
        var alignment = 1
        /// The end of the bits in the word that adjacent bit fields share.
        var bits: (offset: Int, width: Int, next: Int)?
        for (index, (field, bitOffset)) in fields.enumerated() {
            let path = path[index]
            let type = try TypeName(field.type, path["type"])
            let shape = try self.shape(of: type, field, path)
            if !form.isPacked { alignment = max(alignment, shape.alignment) }
            let unit = form.isPacked ? 1 : shape.alignment
            var offset = bitOffset.map { $0 / 8 } ?? (size + unit - 1) / unit * unit
            var fieldType = shape.type
            if let width = type.bits {
                guard case .number(let bytes) = shape.type, width > 0, width <= 8 * bytes else {
                    throw .document("\"\(field.type)\" is not a bit field", at: path["type"])
                }
                if let bitOffset {
                    offset = bitOffset / (8 * bytes) * bytes
                    bits = (offset, bytes, bitOffset % (8 * bytes))
                } else if bits == nil || bits?.width != bytes || (bits?.next ?? 0) + width > 8 * bytes {
                    bits = (offset, bytes, 0)
                }
                guard let word = bits, word.next + width <= 8 * bytes else {
                    throw .document("\"\(field.type)\" does not fit its word", at: path["type"])
                }
                offset = word.offset
                fieldType = .bits(word.next..<word.next + width, of: bytes)
                bits?.next += width
            } else {
                bits = nil
            }
            guard !members.contains(where: { $0.name == field.name }) else {
                throw .document("\"\(field.name)\" is already a field of \(form.name)", at: path["name"])
            }
            var member = PayloadLayout.Member(
                name: field.name, offset: offset, type: fieldType, meaning: field.meaning, isSigned: type.isSigned,
                firstSite: sites.count)
            try addSites(of: &member, field, type, &sites, path)
            members.append(member)
            descriptions.append(
                FieldDescription(
                    name: field.name, type: type.spelling, offset: offset, size: shape.size, count: type.count,
                    bits: { if case .bits(let bits, _) = fieldType { bits } else { nil } }(),
                    meaning: meaning(of: field, fieldType, type, in: form.name),
                    nested: shape.nested.map(FieldDescription.Nested.structure),
                    summary: field.summary))
            size = max(size, offset + shape.size)
            guard size <= Self.largest, sites.count <= Self.mostSites else {
                throw .document("structure \"\(form.name)\" is too large", at: path)
            }
            if members.dropLast().contains(where: { if case .flexible = $0.type { true } else { false } }) {
                throw .document("a flexible array precedes \"\(field.name)\"", at: path)
            }
        }
        try resolveCounts(&members, &sites, fields.map(\.0), path)
        let whole = stated ?? (size + alignment - 1) / alignment * alignment
        guard whole > 0 else { throw .document("structure \"\(form.name)\" has no bytes", at: path) }
        guard whole >= size, whole <= Self.largest else {
            throw .document("structure \"\(form.name)\" of \(whole) bytes has fields of \(size) bytes", at: path)
        }
        return PayloadLayout(
            structure: StructureDescription(
                name: form.name, summary: form.summary, size: whole, fields: descriptions),
            members: members, sites: sites, alignment: alignment)
    }

    private struct Shape {
        var type: PayloadLayout.FieldType
        var size: Int
        var alignment: Int
        var nested: StructureDescription?
    }

    private mutating func shape(
        of type: TypeName, _ field: KindField, _ path: DocumentPath
    ) throws(DocumentReadError) -> Shape {
        if type.isFlexible { return Shape(type: .flexible, size: 0, alignment: 1, nested: nil) }
        let vmalloc = VmallocLayout.layout.structure
        if type.name == vmalloc.name, type.count == nil {
            return Shape(type: .area, size: vmalloc.size, alignment: 8, nested: vmalloc)
        }
        if let width = type.width {
            guard let count = type.count else {
                return Shape(type: .number(width), size: width, alignment: width, nested: nil)
            }
            let elements: PayloadLayout.FieldType =
                if type.isCharacter { .characters(count) } else if width == 1 { .bytes(count) } else {
                    .numbers(width: width, count: count)
                }
            return Shape(type: elements, size: width * count, alignment: width, nested: nil)
        }
        let layout = try lay(out: type.name, path["type"])
        guard layout.flexibleSite == nil else {
            throw .document("structure \"\(type.name)\" has no fixed size", at: path["type"])
        }
        let elements = type.count ?? 1
        guard layout.size <= Self.largest / elements, layout.sites.count <= Self.mostSites / elements else {
            throw .document("\(elements) structures \"\(type.name)\" are too large", at: path["type"])
        }
        guard let count = type.count else {
            return Shape(
                type: .structure(layout), size: layout.size, alignment: layout.alignment, nested: layout.structure)
        }
        return Shape(
            type: .structures(layout, count: count), size: layout.size * count, alignment: layout.alignment,
            nested: layout.structure)
    }

    private func meaning(
        of field: KindField, _ type: PayloadLayout.FieldType, _ spelled: TypeName, in structure: String
    ) -> FieldDescription.Meaning {
        if let flags = field.flags { return .flags(flags) }
        switch type {
        case .characters: return .string
        case .structure, .structures, .area: return .structure
        case .bytes, .flexible: return .opaque
        case .number, .bits, .numbers: break
        }
        switch field.link.flatMap({ try? Self.link($0, .root) }) {
        case .structure(let name)?, .array(let name, _)?, .blockChain(let name)?, .arrayChain(let name, _)?:
            return .address(of: name)
        case .tree?: return .address(of: "fdt")
        case .token?: return .handle
        default: break
        }
        if let header = headers[structure] {
            if field.name == header.next { return .address(of: structure) }
            if field.name == header.count { return .count }
        }
        switch field.meaning {
        case .number: return field.counts != nil ? .count : spelled.isSigned ? .signed : .number
        case .hex, .padding: return .handle
        case .bytes: return .byteCount
        }
    }

    // MARK: - Links

    private mutating func addSites(
        of member: inout PayloadLayout.Member, _ field: KindField, _ type: TypeName,
        _ sites: inout [PayloadLayout.Site], _ path: DocumentPath
    ) throws(DocumentReadError) {
        switch member.type {
        case .structure(let layout):
            sites += layout.sites.map { $0.moved(by: member.offset, into: member.name) }
        case .structures(let layout, let count):
            for index in 0..<count where !layout.sites.isEmpty {
                sites += layout.sites.map {
                    $0.moved(by: member.offset + index * layout.size, into: "\(member.name)[\(index)]")
                }
            }
        default: break
        }
        let link: PayloadLink
        if case .flexible = member.type {
            guard let count = field.link?.count else {
                throw .document("a flexible array needs \"leads_to\": {\"count\": FIELD}", at: path)
            }
            link = .flexible(of: type.name, count: count)
        } else {
            guard let form = field.link else { return }
            link = try Self.link(form, path["leads_to"])
        }
        let fits =
            switch (link, member.type) {
            case (.vmalloc, .area), (.flexible, .flexible), (.frame, .bits), (.frame, .number): true
            case (.vmalloc, _), (.flexible, _), (.frame, _): false
            case (_, .number(8)): true
            default: false
            }
        guard fits else {
            throw .document(
                "a field of type \"\(field.type)\" cannot refer to memory in this way", at: path["leads_to"])
        }
        sites.append(PayloadLayout.Site(offset: member.offset, link: link, count: nil, path: field.name))
    }

    /// Finds the fields that count the records of links, and what counting fields count.
    private func resolveCounts(
        _ members: inout [PayloadLayout.Member], _ sites: inout [PayloadLayout.Site], _ fields: [KindField],
        _ path: DocumentPath
    ) throws(DocumentReadError) {
        for (index, site) in sites.enumerated() {
            let count: String? =
                switch site.link {
                case .array(_, let count), .flexible(_, let count): count
                case .vmalloc(_, let count): count
                default: nil
                }
            // Fields of nested structures are already resolved.
            guard let count, site.count == nil, !site.path.contains(".") else { continue }
            guard let place = members.firstIndex(where: { $0.name == count }),
                case .number(let width) = members[place].type
            else { throw .document("\"\(site.path)\": no number \"\(count)\" to count its records", at: path) }
            sites[index].count = (members[place].offset, width)
            if members[place].counted == nil { members[place].counted = (index, nil) }
        }
        for (index, field) in fields.enumerated() {
            guard let counts = field.counts else { continue }
            guard let site = sites.firstIndex(where: { $0.path == counts.field }) else {
                throw .document("no field \"\(counts.field)\" refers to records", at: path[index]["counts"])
            }
            members[index].counted = (site, counts.nonzero)
        }
    }

    static func link(_ form: KindLink, _ path: DocumentPath) throws(DocumentReadError) -> PayloadLink {
        var links: [PayloadLink] = []
        if let name = form.structure { links.append(.structure(name)) }
        if let name = form.array {
            guard let count = form.count else { throw .document("an array needs a \"count\"", at: path) }
            links.append(.array(of: name, count: count))
        }
        if let name = form.blockChain { links.append(.blockChain(of: name)) }
        if let name = form.arrayChain {
            guard let header = form.header else { throw .document("a chain of arrays needs a \"header\"", at: path) }
            let fields = PayloadLink.ArrayHeader(
                structure: header, next: form.next ?? "next", count: form.count ?? "nr")
            links.append(.arrayChain(of: name, header: fields))
        }
        if let name = form.vmalloc { links.append(.vmalloc(of: name, count: form.count)) }
        if form.isFrame { links.append(.frame) }
        if form.isTree { links.append(.tree) }
        if form.isToken { links.append(.token) }
        guard links.count == 1 else {
            throw .document(
                "expected one of structure, array, block_chain, array_chain, vmalloc, frame, fdt, token", at: path)
        }
        return links[0]
    }
}

extension KindStructure {
    init(name: String) {
        self.name = name
    }
}

extension PayloadLayout.Site {
    fileprivate func moved(by offset: Int, into name: String) -> Self {
        var site = self
        site.offset += offset
        site.path = "\(name).\(path)"
        if let count { site.count = (count.offset + offset, count.width) }
        return site
    }
}

/// A type as written in a description.
private struct TypeName {
    var name: String
    /// The number of elements of an array.
    var count: Int?
    var isFlexible = false
    /// The width of a bit field.
    var bits: Int?

    init(_ text: String, _ path: DocumentPath) throws(DocumentReadError) {
        var rest = text.hasPrefix("struct ") ? text.dropFirst(7) : text[...]
        if let colon = rest.firstIndex(of: ":") {
            bits = Int(rest[rest.index(after: colon)...])
            rest = rest[..<colon]
            if bits == nil { throw .document("\"\(text)\" is not a type", at: path) }
        }
        if let bracket = rest.firstIndex(of: "["), rest.hasSuffix("]") {
            let number = rest[rest.index(after: bracket)...].dropLast()
            isFlexible = number.isEmpty
            count = Int(number)
            guard isFlexible || (1...65536).contains(count ?? 0) else {
                throw .document("\"\(text)\" is not an array of 1 to 65536 elements", at: path)
            }
            rest = rest[..<bracket]
        }
        name = String(rest)
        guard !name.isEmpty else { throw .document("\"\(text)\" is not a type", at: path) }
    }

    var isCharacter: Bool { name == "char" }

    /// The width in bytes of a number or a character.
    var width: Int? { isCharacter ? 1 : Self.widths[name] ?? Self.signedWidths[name] }

    var isSigned: Bool { Self.signedWidths[name] != nil }

    private static let widths = [
        "u8": 1, "__u8": 1, "uint8_t": 1, "bool": 1, "_Bool": 1, "unsigned char": 1,
        "u16": 2, "__u16": 2, "__le16": 2, "uint16_t": 2, "unsigned short": 2, "short unsigned int": 2,
        "u32": 4, "__u32": 4, "__le32": 4, "uint32_t": 4, "unsigned int": 4,
        "u64": 8, "__u64": 8, "__le64": 8, "uint64_t": 8, "phys_addr_t": 8, "unsigned long": 8,
        "long unsigned int": 8, "unsigned long long": 8, "long long unsigned int": 8, "size_t": 8,
    ]
    private static let signedWidths = [
        "s8": 1, "__s8": 1, "int8_t": 1, "signed char": 1, "s16": 2, "__s16": 2, "int16_t": 2, "short": 2,
        "s32": 4, "__s32": 4, "int32_t": 4, "int": 4, "s64": 8, "__s64": 8, "int64_t": 8, "long": 8, "long long": 8,
        "loff_t": 8,
    ]

    /// The type as written in C.
    var spelling: String { width == nil ? "struct \(name)" : name }
}
