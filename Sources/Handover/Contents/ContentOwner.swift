import KernelABI

/// A part of the state that a content hangs on: a file, an FLB, a subtree.
protocol ContentOwner: DocumentObject {
    static var contentPlace: ContentPlace { get }
    /// The name by which a kernel finds what knows the content.
    var contentName: KernelString? { get set }
    var content: (any Content)? { get set }
}

extension ContentOwner {
    /// What a content is in the owner's document: a key for each kind that is written in Swift, and `payload` for all
    /// that are described.
    static var contentMembers: [ObjectForm<Self>.Member] {
        let coded = ContentKinds.coded.filter { $0.places.contains(contentPlace) }.map { $0.member(of: Self.self) }
        return coded + [
            .ifKnown(
                "kind", { ($0.content as? Payload)?.title ?? ($0.content as? UnresolvedPayload)?.kind },
                { (owner, title) in
                    var payload = owner.content as? UnresolvedPayload ?? UnresolvedPayload()
                    payload.kind = title
                    owner.content = payload
                }, StringCodec(), "the kind that describes the payload, if its name has more than one layout"
            ).uncompared,
            .content(
                "payload", .anything, "what the handle leads to, by the fields of the kernel's structures",
                read: { (owner, reader) throws(DocumentReadError) in
                    var payload = owner.content as? UnresolvedPayload ?? UnresolvedPayload()
                    payload.text = try reader.rawValue()
                    return payload
                }
            ).compared(as: "").compared { $1.compareContent($0.map(\.content)) },
        ]
    }
}

extension ObjectForm.Member where Object: ContentOwner {
    /// The content under its own key.
    static func content(
        _ key: String, _ schema: DocumentSchema, _ summary: String,
        read: @escaping @Sendable (Object, inout DocumentReader) throws(DocumentReadError) -> any Content
    ) -> Self {
        Self(
            key: key, summary: summary, isRequired: false, schema: schema,
            write: { owner, writer in
                guard let content = owner.content, content.documentKey == key else { return }
                writer.key(key)
                content.write(to: &writer)
            },
            read: { (owner, reader) throws(DocumentReadError) in
                if let other = owner.content, other.documentKey != key {
                    throw .document("there is a content already, under \"\(other.documentKey)\"")
                }
                owner.content = try read(owner, &reader)
            })
    }
}

/// A content that is written in Swift: its state is a document object of its own.
protocol CodedContent: Content, DocumentObject {
    /// Where it can hang.
    static var places: Set<ContentPlace> { get }
    /// The key of the content in documents.
    static var key: String { get }
    /// What a kernel of a generation knows of it.
    static func kinds(of generation: Generation) -> [any ContentKind]
    /// What a kernel retrieves of a content of this type, for its rules.
    associatedtype Received: Sendable = Never
    static func received(in luo: LUOState?, _ generation: Generation) -> [Received]
    /// What is checked of it besides what its readers find.
    static var rules: [CheckRule] { get }
    /// What pages look like that hold it, for a search.
    static func patterns(of generation: Generation, _ pageSize: PageSize) -> [ContentPattern]
    /// A file with this text, which cannot be changed; `nil` if files of this kind hold no text.
    static func sealed(_ text: String, _ generation: Generation) -> Self?
}

extension CodedContent {
    static func received(in luo: LUOState?, _ generation: Generation) -> [Received] { [] }
    static var rules: [CheckRule] { [] }
    static func patterns(of generation: Generation, _ pageSize: PageSize) -> [ContentPattern] { [] }
    static var identifier: ObjectIdentifier { ObjectIdentifier(Self.self) }
    static func anyReceived(in luo: LUOState?, _ generation: Generation) -> any Sendable {
        received(in: luo, generation)
    }

    static func sealed(_ text: String, _ generation: Generation) -> Self? { nil }

    var documentKey: String { Self.key }

    func write(to writer: inout DocumentWriter) { Self.form.write(self, to: &writer) }

    func compare(to other: any Content, _ subject: Comparison.Subject, by comparison: inout Comparison) -> Bool {
        guard let other = other as? Self else { return false }
        Self.form.compare(.init(self, other, subject), by: &comparison)
        return true
    }

    fileprivate static func member<Owner: ContentOwner>(of: Owner.Type) -> ObjectForm<Owner>.Member {
        .content(
            key, schema, form.summary,
            read: { (_, reader) throws(DocumentReadError) in try form.read(from: &reader) })
    }
}
