/// A part of the state that stands in a document as a JSON object.
protocol DocumentObject: Codable, Hashable, Sendable {
    init()
    static var form: ObjectForm<Self> { get }
}

extension DocumentObject {
    public init(from decoder: any Decoder) throws {
        self = try Self.form.decode(from: decoder)
    }

    public func encode(to encoder: any Encoder) throws {
        try Self.form.encode(self, to: encoder)
    }
}

/// The members of a JSON object, in the order in which they are written.
///
/// Writing, reading, the refusal of unknown keys and the published schema all follow from this one list.
struct ObjectForm<Object: Sendable>: Sendable {
    let name: String
    let summary: String
    let members: [Member]
    /// Whether the object is written on one line.
    let isCompact: Bool
    /// What holds between members; called when all have been read.
    let validate: @Sendable (inout Object, [any CodingKey]) throws -> Void
    private let new: @Sendable () -> Object

    init(
        _ name: String, _ summary: String, compact: Bool = false,
        validate: @escaping @Sendable (inout Object, [any CodingKey]) throws -> Void = { _, _ in },
        _ members: [Member]
    ) where Object: DocumentObject {
        self.name = name
        self.summary = summary
        self.members = members
        self.isCompact = compact
        self.validate = validate
        self.new = { Object() }
    }

    func write(_ object: Object, to writer: inout DocumentWriter) {
        writer.object(compact: isCompact) { writer in
            for member in members {
                member.write(object, &writer)
            }
        }
    }

    func encode(_ object: Object, to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: DocumentKey.self)
        for member in members {
            try member.encode(object, &container)
        }
    }

    func decode(from decoder: any Decoder) throws -> Object {
        guard let container = try? decoder.container(keyedBy: DocumentKey.self) else {
            throw DocumentError(decoder.codingPath, "expected an object: \(summary)")
        }
        let known = Set(members.map(\.key))
        if let unknown = container.allKeys.map(\.stringValue).filter({ !known.contains($0) }).min() {
            throw DocumentError(
                decoder.codingPath,
                "unknown key \"\(unknown)\""
                    + (Spelling.nearest(to: unknown, among: known).map { "; did you mean \"\($0)\"?" } ?? ""))
        }
        var object = new()
        for member in members {
            let key = DocumentKey(stringValue: member.key)
            if container.contains(key) {
                try member.decode(&object, container.superDecoder(forKey: key))
            } else if member.isRequired {
                throw DocumentError(decoder.codingPath, "missing key \"\(member.key)\": \(member.summary)")
            }
        }
        try validate(&object, decoder.codingPath)
        return object
    }

    /// One member of the object.
    ///
    /// It is reached by closures: a key path says the same in fewer words, and takes ten times as long.
    struct Member: Sendable {
        let key: String
        let summary: String
        let isRequired: Bool
        let schema: DocumentSchema
        let write: @Sendable (Object, inout DocumentWriter) -> Void
        let encode: @Sendable (Object, inout KeyedEncodingContainer<DocumentKey>) throws -> Void
        let decode: @Sendable (inout Object, any Decoder) throws -> Void

        /// A member that is always written; where it is not required, it keeps its initial value when missing.
        static func always<Codec: DocumentCodec>(
            _ key: String, _ get: @escaping @Sendable (Object) -> Codec.Value,
            _ set: @escaping @Sendable (inout Object, Codec.Value) -> Void, _ codec: Codec,
            required: Bool = false, _ summary: String
        ) -> Member {
            let written = DocumentWriter.Key(key)
            return Member(
                key: key, summary: summary, isRequired: required, schema: codec.schema,
                write: { object, writer in
                    writer.key(written)
                    codec.write(get(object), to: &writer)
                },
                encode: { object, container in
                    try codec.encode(
                        get(object), to: container.superEncoder(forKey: DocumentKey(stringValue: key)))
                },
                decode: { object, decoder in set(&object, try codec.decode(from: decoder)) })
        }

        /// A member that is written where it is known, and may be missing.
        static func ifKnown<Codec: DocumentCodec>(
            _ key: String, _ get: @escaping @Sendable (Object) -> Codec.Value?,
            _ set: @escaping @Sendable (inout Object, Codec.Value?) -> Void, _ codec: Codec, _ summary: String
        ) -> Member {
            let written = DocumentWriter.Key(key)
            return Member(
                key: key, summary: summary, isRequired: false, schema: codec.schema,
                write: { object, writer in
                    guard let value = get(object) else { return }
                    writer.key(written)
                    codec.write(value, to: &writer)
                },
                encode: { object, container in
                    guard let value = get(object) else { return }
                    try codec.encode(value, to: container.superEncoder(forKey: DocumentKey(stringValue: key)))
                },
                decode: { object, decoder in
                    guard get(object) == nil else {
                        throw DocumentError(decoder.codingPath, "this is given twice, here and in another place")
                    }
                    set(&object, try codec.decode(from: decoder))
                })
        }

        /// A member that is read but never written: a short form of another one.
        static func shortcut<Codec: DocumentCodec>(
            _ key: String, _ get: @escaping @Sendable (Object) -> Codec.Value?,
            _ set: @escaping @Sendable (inout Object, Codec.Value?) -> Void, _ codec: Codec, _ summary: String
        ) -> Member {
            let member = ifKnown(key, get, set, codec, summary)
            return Member(
                key: key, summary: summary, isRequired: false, schema: codec.schema,
                write: { _, _ in }, encode: { _, _ in }, decode: member.decode)
        }
    }
}

/// Finds what somebody may have meant to write.
enum Spelling {
    /// The candidate nearest to `word`, or `nil` where none is near.
    static func nearest(to word: String, among candidates: some Collection<String>) -> String? {
        let best = candidates.sorted().map { ($0, distance(Array(word.utf8), Array($0.utf8))) }.min { $0.1 < $1.1 }
        guard let best, best.1 <= max(2, word.utf8.count / 3) else { return nil }
        return best.0
    }

    /// The Levenshtein distance.
    private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var row = Array(0...right.count)
        for (index, byte) in left.enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for (place, other) in right.enumerated() {
                let above = row[place + 1]
                row[place + 1] = min(above + 1, row[place] + 1, diagonal + (byte == other ? 0 : 1))
                diagonal = above
            }
        }
        return row[right.count]
    }
}
