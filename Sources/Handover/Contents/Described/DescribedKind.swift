import KernelABI

/// A kind of content that a document describes.
public final class DescribedKind: ContentKind {
    public let name: String
    public let variant: String?
    public let place: ContentPlace
    public let names: [String]
    public let status: ContentStatus
    /// What it is, in a sentence.
    public let summary: String
    /// Where the description comes from.
    public let source: String?
    let version: KindVersion?
    let contents: KindContents?
    let rules: [KindRule]
    /// The structure that the payload begins with; `nil` for an FDT.
    let root: PayloadLayout?
    let layouts: [String: PayloadLayout]
    public let structures: [StructureDescription]

    /// What the payload is called in a description if it is an FDT, which needs no structures.
    static let treePayload = "fdt"

    init(
        _ form: KindForm, of document: KindDocument, _ path: DocumentPath,
        declared: @escaping (String) -> DeclaredStructure?
    ) throws(DocumentReadError) {
        var resolver = LayoutResolver(document, links: form.links ?? [], declared: declared)
        name = form.kind
        variant = form.variant
        place = form.place
        names = form.names
        status = form.status
        summary = form.summary
        source = form.source
        version = form.version
        contents = form.contents
        rules = form.rules ?? []
        if form.payload == Self.treePayload {
            root = nil
        } else {
            root = try resolver.resolve(form.payload, path["payload"])
        }
        layouts = resolver.layouts
        structures = Self.structures(from: root, layouts)
        try check(path)
    }

    /// The structures in the order in which they are reached.
    private static func structures(
        from root: PayloadLayout?, _ layouts: [String: PayloadLayout]
    ) -> [StructureDescription] {
        var list: [StructureDescription] = []
        func add(_ layout: PayloadLayout) {
            guard !list.contains(where: { $0.name == layout.name }) else { return }
            list.append(layout.structure)
            for site in layout.sites {
                if case .arrayChain(_, let header) = site.link { layouts[header.structure].map(add) }
                if let target = site.link.target { layouts[target].map(add) }
            }
        }
        if let root { add(root) }
        return list
    }

    /// Holds the names that the description uses against the structures.
    private func check(_ path: DocumentPath) throws(DocumentReadError) {
        func require(_ field: String?, of layout: PayloadLayout?, _ path: DocumentPath) throws(DocumentReadError) {
            guard let field, layout?.member(named: field)?.limit ?? 0 == 0 else { return }
            throw .document(
                DocumentError(
                    path: path.text, problem: "\"\(layout?.name ?? Self.treePayload)\" has no number \"\(field)\""))
        }
        if names.isEmpty || names.contains("") {
            throw .document(DocumentError(path: path["names"].text, problem: "a kind needs a name that is not empty"))
        }
        try require(version?.field, of: root, path["version"]["field"])
        if version?.values.isEmpty ?? false {
            throw .document(DocumentError(path: path["version"]["values"].text, problem: "expected at least one value"))
        }
        if let contents {
            let path = path["contents"]
            for field in [contents.size, contents.position, contents.order] { try require(field, of: root, path) }
            let list = root?.sites.first { $0.path == contents.list }?.link.target.flatMap { layouts[$0] }
            for field in [contents.frame, contents.index, contents.flags] { try require(field, of: list, path) }
        }
        for (index, rule) in rules.enumerated() {
            let path = path["rules"][index]
            switch rule.test {
            case .version:
                if version == nil {
                    throw .document(DocumentError(path: path.text, problem: "there is no \"version\" to test"))
                }
            case .chain, .unique:
                let site = root?.sites.first { $0.path == rule.field }
                guard let target = site?.link.target else {
                    throw .document(
                        DocumentError(path: path.text, problem: "no field \"\(rule.field ?? "")\" leads to records"))
                }
                for field in (rule.by ?? []) + (rule.nonzero.map { [$0] } ?? []) {
                    try require(field, of: layouts[target], path)
                }
            case .count, .zero: try require(rule.field ?? "", of: root, path)
            }
        }
    }

    /// Whether a payload's version field, if it has one, holds a value of this layout.
    func isVersion(of records: PayloadRecords) -> Bool {
        guard let version, records.count > 0, let value = records.number(version.field, of: 0) else { return true }
        return version.values.contains(value)
    }
}
