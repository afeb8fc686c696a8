import KernelABI
import SystemPackage

/// The known kinds of content: those implemented in Swift, the catalogue, and those added by a user.
public struct ContentKinds: Sendable {
    /// The contents implemented in Swift.
    static let coded: [any CodedContent.Type] = [MemFDState.self, RawPayload.self]

    /// The subtrees implemented in Swift, in document order.
    static let codedSubtrees: [any CodedSubtree.Type] = [MemblockState.self, KexecMetadataState.self]

    static func codedSubtree(named name: String) -> (any CodedSubtree.Type)? {
        codedSubtrees.first { $0.name == name }
    }

    /// The user's own kinds, which come first.
    private var added: [DescribedKind] = []
    /// The selected layouts, by kind name.
    private var variants: [String: String] = [:]

    /// The built-in kinds.
    public static let standard = ContentKinds()

    private init() {}

    /// The user's own kinds, then those of the catalogue.
    private var described: [DescribedKind] { added + Catalogue.entries.flatMap(\.kinds) }

    /// The described kinds of a name.
    private func described(named name: String, at place: ContentPlace) -> [DescribedKind] {
        let listed = Catalogue.entries.filter { $0.place == place && $0.names.contains(name) }
        return (added + listed.flatMap(\.kinds)).filter { $0.place == place && $0.names.contains(name) }
    }

    /// The documents at a path: the file itself, or all `.json` files in a directory.
    public static func documents(at path: FilePath) -> [FilePath] {
        let names = Directory.entries(of: path).filter { $0.hasSuffix(".json") }
        return names.isEmpty ? [path] : names.map { path.appending($0) }
    }

    /// Adds the kinds of a document; they take precedence over others with the same name.
    ///
    /// - Parameters:
    ///   - path: A document that follows the schema of kinds.
    ///   - declared: A kernel's own structures, by tag, for those that the document does not define.
    public mutating func add(
        _ path: FilePath, declared: @escaping (String) -> DeclaredStructure? = { _ in nil }
    ) throws(DocumentReadError) {
        try add(DocumentReader.read(KindDocument.self, at: path), declared: declared)
    }

    /// Adds the kinds of a document in memory.
    package mutating func add(_ text: [UInt8]) throws(DocumentReadError) {
        try add(DocumentReader.read(KindDocument.self, from: text))
    }

    private mutating func add(
        _ document: KindDocument, declared: @escaping (String) -> DeclaredStructure? = { _ in nil }
    ) throws(DocumentReadError) {
        added = try DescribedKind.kinds(in: document, declared: declared) + added
    }

    /// Selects a layout for payloads of a kind: `--kind NAME=VARIANT`.
    ///
    /// - Throws: The available layouts, if this one is not among them.
    public mutating func choose(_ variant: String, of kind: String) throws(DocumentReadError) {
        let known = described.filter { $0.name == kind }
        guard known.contains(where: { $0.variant == variant || $0.title == variant }) else {
            let titles = (known.isEmpty ? described : known).map(\.title).joined(separator: ", ")
            throw .document("no layout \"\(variant)\" of kind \"\(kind)\"; there are \(titles)")
        }
        variants[kind] = variant
    }

    /// The possible kinds of a payload with this name; those that a kernel of the generation has itself come first.
    func candidates(
        named name: KernelString, at place: ContentPlace, _ generation: Generation?
    ) -> [any ContentKind] {
        guard let text = name.validString else { return [] }
        var list: [any ContentKind] = []
        if let generation {
            for content in Self.coded where content.places.contains(place) {
                list += content.kinds(of: generation).filter { $0.names.contains(text) }
            }
        }
        if !list.isEmpty { return list }
        let chosen = described(named: text, at: place).filter { kind in
            variants[kind.name].map { $0 == kind.variant || $0 == kind.title } ?? true
        }
        // A name described by the user takes precedence.
        guard let first = chosen.first else { return [] }
        return chosen.filter { $0.name == first.name }
    }

    /// The names of sessions that contain a description of their files.
    var sessionNames: [KernelString] {
        let names = added.filter { $0.place == .session }.flatMap(\.names)
        return (names + Catalogue.entries.filter { $0.place == .session }.flatMap(\.names)).map { KernelString($0) }
    }

    /// The described kinds, for tables.
    public var all: [DescribedKind] { described }
}
