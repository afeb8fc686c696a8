import KernelABI

/// A kind of content described by a document.
public final class DescribedKind: ContentKind {
    private let form: KindForm
    public var name: String { form.kind }
    public var variant: String? { form.variant }
    public var place: ContentPlace { form.place }
    public var names: [String] { form.names }
    public var status: ContentStatus { form.status }
    /// A description in a sentence.
    public var summary: String { form.summary }
    /// The origin of the description.
    public var source: String? { form.source }
    var version: KindVersion? { form.version }
    var contents: KindContents? { form.contents }
    var mapping: KindMapping? { form.mapping }
    var rules: [KindRule] { form.rules ?? [] }
    /// The first structure of the payload; `nil` for an FDT or text.
    let root: PayloadLayout?
    let layouts: [String: PayloadLayout]
    public let structures: [StructureDescription]

    /// The name in descriptions of a payload that is an FDT, which needs no structures.
    static let treePayload = "fdt"
    /// The payload of a session, which is text.
    static let textPayload = "json"

    init(
        _ form: KindForm, of document: KindDocument, _ path: DocumentPath,
        declared: @escaping (String) -> DeclaredStructure?
    ) throws(DocumentReadError) {
        var resolver = LayoutResolver(document, links: form.links ?? [], declared: declared)
        self.form = form
        let isSession = form.place == .session
        guard isSession == (form.mapping != nil), isSession == (form.payload == Self.textPayload) else {
            throw .document(
                "a session, and nothing else, has payload \"\(Self.textPayload)\" and a \"mapping\"", at: path)
        }
        if form.payload == Self.treePayload || form.payload == Self.textPayload {
            root = nil
        } else {
            root = try resolver.resolve(form.payload, path["payload"])
        }
        layouts = resolver.layouts
        for (index, link) in (form.links ?? []).enumerated() {
            let names = link.field.split(separator: ".", maxSplits: 1)
            let layout = names.first.flatMap { resolver.layouts[String($0)] }
            guard names.count == 2, layout?.member(named: String(names[1])) != nil else {
                throw .document(
                    "no structure of the kind has a field \"\(link.field)\"; expected STRUCTURE.FIELD",
                    at: path["links"][index]["field"])
            }
        }
        structures = Self.structures(from: root, layouts)
        try check(path)
    }

    /// The structures in the order in which they are referenced.
    private static func structures(
        from root: PayloadLayout?, _ layouts: [String: PayloadLayout]
    ) -> [StructureDescription] {
        var list: [StructureDescription] = []
        var names: Set<String> = []
        var next = [root].compactMap(\.self)
        while let layout = next.popLast() {
            guard names.insert(layout.name).inserted else { continue }
            list.append(layout.structure)
            for site in layout.sites.reversed() {
                if let target = site.link.target, let layout = layouts[target] { next.append(layout) }
                if case .arrayChain(_, let header) = site.link, let layout = layouts[header.structure] {
                    next.append(layout)
                }
            }
        }
        return list
    }

    /// Checks the names used in the description against the structures.
    private func check(_ path: DocumentPath) throws(DocumentReadError) {
        func require(_ field: String?, of layout: PayloadLayout?, _ path: DocumentPath) throws(DocumentReadError) {
            guard let field, layout?.member(named: field)?.limit ?? 0 == 0 else { return }
            throw .document("\"\(layout?.name ?? Self.treePayload)\" has no number \"\(field)\"", at: path)
        }
        if name.isEmpty { throw .document("a kind needs a name", at: path["kind"]) }
        if contents != nil, place != .file {
            throw .document("only a file has contents", at: path["contents"])
        }
        if names.isEmpty || names.contains("") {
            throw .document("a kind needs a nonempty name", at: path["names"])
        }
        if mapping == nil { try require(version?.field, of: root, path["version"]["field"]) }
        if version?.values.isEmpty ?? false {
            throw .document("expected at least one value", at: path["version"]["values"])
        }
        if let contents {
            let path = path["contents"]
            for field in [contents.size, contents.position, contents.order] { try require(field, of: root, path) }
            let list = root.flatMap { root in root.site(at: contents.list).flatMap { target(of: root.sites[$0].link) } }
            if list == nil {
                throw .document(
                    "no field \"\(contents.list)\" of \"\(root?.name ?? Self.treePayload)\" refers to records",
                    at: path["list"])
            }
            for field in [contents.frame, contents.index, contents.flags] { try require(field, of: list, path) }
        }
        for layout in layouts.values.sorted(by: { $0.name < $1.name }) {
            for member in layout.members {
                if let (site, nonzero) = member.counted, let nonzero {
                    try require(nonzero, of: target(of: layout.sites[site].link), path)
                }
                let keys = layout.sites.first { $0.path == member.name }.map {
                    PayloadForm.keys(besides: member.name, $0.link)
                }
                guard let key = keys?.first(where: { layout.member(named: $0) != nil }) else { continue }
                throw .document(
                    "\"\(layout.name)\": documents need the key \"\(key)\" for what \"\(member.name)\" refers to",
                    at: path)
            }
        }
        for (index, rule) in rules.enumerated() {
            let path = path["rules"][index]
            func problem(_ text: String) -> DocumentReadError {
                .document(DocumentError(path: path.text, problem: text))
            }
            guard !rules[..<index].contains(where: { $0.name == rule.name }) else {
                throw problem("duplicate rule \"\(rule.name)\"")
            }
            guard !CheckRule.ownNames.contains(rule.name) else {
                throw problem("\"\(rule.name)\" is the name of a built-in rule of check")
            }
            let field = root?.field(at: rule.field ?? "", layouts)
            let isFit =
                switch rule.test.subject {
                case .version: version != nil
                case .records: field?.link?.target != nil
                case .count: field?.member.counted != nil
                case .number: field?.member.limit ?? 0 > 0
                case .token: mapping != nil || field?.member.limit ?? 0 > 0
                case .mapping: mapping != nil
                }
            guard isFit else {
                let (test, field) = (rule.test.rawValue, rule.field ?? "")
                throw problem("test \"\(test)\" needs \(rule.test.subject.rawValue); \"\(field)\" is something else")
            }
            if rule.test.subject == .number {
                guard rule.least != nil || rule.most != nil else {
                    throw problem("expected \"least\", \"most\" or both")
                }
                guard rule.least ?? 0 <= rule.most ?? .max else { throw problem("\"least\" is larger than \"most\"") }
            }
            // The fields of the tested records.
            let records = rule.test == .unique ? field?.link.flatMap(target(of:)) : field?.layout
            for name in (rule.by ?? []) + [rule.nonzero].compactMap(\.self) { try require(name, of: records, path) }
            if rule.test == .unique, rule.by?.isEmpty ?? true { throw problem("test \"unique\" needs \"by\"") }
        }
    }

    /// The structure of the records that a field refers to.
    func target(of link: PayloadLink) -> PayloadLayout? { link.target.flatMap { layouts[$0] } }

    /// Whether a payload's version field, if it has one, has a value of this layout.
    func isVersion(of records: PayloadRecords) -> Bool {
        guard let version, records.count > 0, let value = records.number(version.field, of: 0) else { return true }
        return version.values.contains(value)
    }
}
