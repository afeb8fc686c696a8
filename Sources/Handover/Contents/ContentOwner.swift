import KernelABI

/// A part of the state that has a content: a file, an FLB, a subtree.
protocol ContentOwner: DocumentObject {
    static var contentPlace: ContentPlace { get }
    /// The name by which a kernel looks up the handler of the content.
    var contentName: KernelString? { get set }
    var content: (any Content)? { get set }
}

extension ContentOwner {
    /// The members for contents in the owner's document: one key for each kind implemented in Swift, and `payload` for
    /// all described kinds. The last member writes the content, whatever its key.
    static var contentMembers: [ObjectForm<Self>.Member] {
        let coded = ContentKinds.coded.filter { $0.places.contains(contentPlace) }.map { $0.member(of: Self.self) }
        return coded + [
            .init(
                key: "kind", summary: "the kind that describes the payload, if its name has more than one layout",
                isRequired: false, schema: .string, write: nil,
                read: { (owner, reader) throws(DocumentReadError) in
                    var payload = owner.content as? UnresolvedPayload ?? UnresolvedPayload()
                    payload.kind = try StringCodec().read(from: &reader)
                    owner.content = payload
                }),
            .content(
                "payload", .anything, "what the handle refers to, by the fields of the kernel's structures",
                write: { owner, writer in
                    guard let content = owner.content else { return }
                    if let kind = (content as? Payload)?.title ?? (content as? UnresolvedPayload)?.kind {
                        writer.member("kind", kind)
                    }
                    writer.key(content.documentKey)
                    content.write(to: &writer)
                },
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
        write: (@Sendable (Object, inout DocumentWriter) -> Void)? = nil,
        read: @escaping @Sendable (Object, inout DocumentReader) throws(DocumentReadError) -> any Content
    ) -> Self {
        Self(
            key: key, summary: summary, isRequired: false, schema: schema,
            write: write,
            read: { (owner, reader) throws(DocumentReadError) in
                if let other = owner.content, other.documentKey != key {
                    throw .document("the content is already given under \"\(other.documentKey)\"")
                }
                owner.content = try read(owner, &reader)
            })
    }
}

/// A content implemented in Swift, whose state is a document object.
protocol CodedContent: Content, DocumentObject {
    /// What it can belong to.
    static var places: Set<ContentPlace> { get }
    /// The key of the content in documents.
    static var key: String { get }
    /// The kinds of it that a kernel of a generation knows.
    static func kinds(of generation: Generation) -> [any ContentKind]
    /// What a kernel retrieves of a content of this type, for rules.
    associatedtype Received: Sendable = Never
    static func received(in luo: LUOState?, _ generation: Generation) -> [Received]
    /// The rules that check it, in addition to the readers' findings.
    static var rules: [CheckRule] { get }
    /// Patterns of pages that contain it, for searching.
    static func patterns(of generation: Generation, _ pageSize: PageSize) -> [ContentPattern]
    /// An immutable file with this text; `nil` if files of this kind do not contain text.
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
