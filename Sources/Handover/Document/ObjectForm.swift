import KernelABI

/// A value that is read from the members of a JSON object.
package protocol DocumentPart: Hashable, Sendable {
    init()
}

/// A value that is written as a JSON object of one form.
package protocol DocumentObject: DocumentPart, DocumentValue {
    static var form: ObjectForm<Self> { get }
    /// Records the differences between two lists.
    static func compareLists(_ lists: Comparison.Pair<[Self]>, by comparison: inout Comparison)
}

/// The members of a JSON object, in the order in which they are written.
///
/// Writing, reading, rejecting unknown keys, the published schema and comparing two objects are all based on this list.
package struct ObjectForm<Object: Sendable>: Sendable {
    package let name: String
    package let summary: String
    let members: [Member]
    /// A bit mask of the required members.
    private let required: UInt64
    private let keys: Keys
    private let writers: [@Sendable (Object, inout DocumentWriter) -> Void]
    /// Whether to write an object on one line.
    private let isCompact: @Sendable (Object) -> Bool
    /// Derives further values from the members, and reports inconsistencies.
    private let complete: Completion
    private let new: @Sendable () -> Object

    /// Called when all members have been read without errors.
    package typealias Completion =
        @Sendable (inout Object, inout DocumentReader) throws(DocumentReadError) -> Void

    package init(
        _ name: String, _ summary: String, compact: Bool = false,
        compactUnless: (@Sendable (Object) -> Bool)? = nil,
        complete: @escaping Completion = { _, _ in }, _ members: [Member]
    ) where Object: DocumentPart {
        self.name = name
        self.summary = summary
        self.members = members
        keys = Keys(members.map(\.key))
        writers = members.compactMap(\.write)
        required = members.indices.reduce(0) { members[$1].isRequired ? $0 | 1 << UInt64($1) : $0 }
        if let compactUnless {
            isCompact = { !compactUnless($0) }
        } else {
            isCompact = { _ in compact }
        }
        self.complete = complete
        self.new = { Object() }
    }

    package func write(_ object: Object, to writer: inout DocumentWriter) {
        writer.object(compact: isCompact(object)) { writeMembers(of: object, to: &$0) }
    }

    /// Writes only the members, into an object that the writer has begun.
    func writeMembers(of object: Object, to writer: inout DocumentWriter) {
        for index in writers.indices { writers.span[index](object, &writer) }
    }

    package func read(from reader: inout DocumentReader) throws(DocumentReadError) -> Object {
        try reader.beginObject(summary)
        let depth = reader.depth
        let knownOutside = reader.problems.count
        var object = new()
        /// A bit mask of the members that have been read.
        var seen: UInt64 = 0
        // Members are usually in order.
        var likely = 0
        var isFirst = true
        while true {
            let index: Int
            do throws(DocumentReadError) {
                guard let next = try readKey(from: &reader, isFirst: isFirst, likely: likely) else { break }
                index = next
            } catch {
                isFirst = false
                try reader.recover(from: error, inside: depth)
                continue
            }
            isFirst = false
            likely = index + 1
            let known = reader.problems.count
            do throws(DocumentReadError) {
                guard seen & 1 << UInt64(index) == 0 else { throw .document("duplicate key") }
                seen |= 1 << UInt64(index)
                try members.span[index].read(&object, &reader)
            } catch {
                try reader.recover(from: error, inside: depth)
            }
            reader.placeProblems(since: known, inside: ".\(members[index].key)")
        }
        var missing = required & ~seen
        while missing != 0 {
            let member = members[missing.trailingZeroBitCount]
            missing &= missing - 1
            // A misspelt member is not missing.
            let isMisspelt = reader.problems[knownOutside...].contains {
                $0.problem.hasSuffix(Spelling.question(member.key))
            }
            if isMisspelt { continue }
            reader.note(DocumentError(path: "", problem: "missing key \"\(member.key)\": \(member.summary)"))
        }
        // Values derived from invalid members would be invalid, too.
        if reader.problems.count == knownOutside { try complete(&object, &reader) }
        return object
    }

    /// Reads the next key, and returns the index of its member; `nil` at the end of the object.
    @inline(__always)
    private func readKey(
        from reader: inout DocumentReader, isFirst: Bool, likely: Int
    ) throws(DocumentReadError) -> Int? {
        if likely < members.count {
            let key = keys.text.span.bytes.extracting(keys.range(of: likely))
            if reader.goOn(toMember: key, isFirst: isFirst) { return likely }
        }
        return try reader.key(isFirst: isFirst) { (reader, key) throws(DocumentReadError) in
            try place(of: key, in: reader, likely: likely)
        }
    }

    /// The index of the member whose key is at `range` in the reader's window.
    private func place(
        of key: Range<Int>, in reader: borrowing DocumentReader, likely: Int
    ) throws(DocumentReadError) -> Int {
        for offset in members.indices {
            let index = (likely + offset) % members.count
            if reader.isEqual(key, keys.text.span.bytes.extracting(keys.range(of: index))) { return index }
        }
        throw unknown(reader.string(key))
    }

    private func unknown(_ key: String) -> DocumentReadError {
        let keys = members.map(\.key)
        let hint = Spelling.suggestion(for: key, among: keys) ?? "here are \(keys.joined(separator: ", "))"
        return .document("unknown key \(ImageText(key)); \(hint)")
    }

    /// The members' keys in one buffer, which avoids retaining an array for each.
    private struct Keys {
        private(set) var text: [UInt8] = []
        private var ends: [Int] = [0]

        init(_ keys: [String]) {
            for key in keys {
                text += key.utf8
                ends.append(text.count)
            }
        }

        /// The range of a member's key in the buffer.
        func range(of index: Int) -> Range<Int> { ends[index]..<ends[index + 1] }
    }

    /// One member of the object.
    ///
    /// Types with many instances use closures, which are several times as fast as key paths.
    package struct Member: Sendable {
        package let key: String
        let summary: String
        let isRequired: Bool
        let schema: DocumentSchema
        /// Writes the member; `nil` if another member writes it.
        let write: (@Sendable (Object, inout DocumentWriter) -> Void)?
        let read: @Sendable (inout Object, inout DocumentReader) throws(DocumentReadError) -> Void
        /// How the member is compared; by default, not at all.
        var comparison = MemberComparison<Object>()

        /// A member that is always written. If it is not required, it keeps its initial value when missing.
        package static func always<Codec: DocumentCodec>(
            _ key: String, _ get: @escaping @Sendable (Object) -> Codec.Value,
            _ set: @escaping @Sendable (inout Object, consuming Codec.Value) -> Void, _ codec: Codec,
            required: Bool = false, _ summary: String
        ) -> Member {
            let written = DocumentWriter.Key(key)
            return Member(
                key: key, summary: summary, isRequired: required, schema: codec.schema,
                write: { object, writer in
                    writer.key(written)
                    codec.write(get(object), to: &writer)
                },
                read: { (object, reader) throws(DocumentReadError) in set(&object, try codec.read(from: &reader)) },
                comparison: MemberComparison(key) { codec.compare($0.map(get), by: &$1) })
        }

        package static func always<Codec: DocumentCodec>(
            _ key: String, _ path: WritableKeyPath<Object, Codec.Value> & Sendable, _ codec: Codec,
            required: Bool = false, _ summary: String
        ) -> Member {
            always(key, { $0[keyPath: path] }, { $0[keyPath: path] = $1 }, codec, required: required, summary)
        }

        package static func always<Value: DocumentValue>(
            _ key: String, _ get: @escaping @Sendable (Object) -> Value,
            _ set: @escaping @Sendable (inout Object, consuming Value) -> Void, required: Bool = false,
            _ summary: String
        ) -> Member {
            always(key, get, set, Value.codec, required: required, summary)
        }

        package static func always<Value: DocumentValue>(
            _ key: String, _ path: WritableKeyPath<Object, Value> & Sendable, required: Bool = false, _ summary: String
        ) -> Member {
            always(key, path, Value.codec, required: required, summary)
        }

        /// A member that is written if known, and may be missing.
        package static func ifKnown<Codec: DocumentCodec>(
            _ key: String, _ get: @escaping @Sendable (Object) -> Codec.Value?,
            _ set: @escaping @Sendable (inout Object, consuming Codec.Value?) -> Void, _ codec: Codec, _ summary: String
        ) -> Member {
            let written = DocumentWriter.Key(key)
            return Member(
                key: key, summary: summary, isRequired: false, schema: codec.schema,
                write: { object, writer in
                    guard let value = get(object) else { return }
                    writer.key(written)
                    codec.write(value, to: &writer)
                },
                read: { (object, reader) throws(DocumentReadError) in set(&object, try codec.read(from: &reader)) },
                comparison: MemberComparison(key) { codec.compare($0.map(get), by: &$1) })
        }

        package static func ifKnown<Codec: DocumentCodec>(
            _ key: String, _ path: WritableKeyPath<Object, Codec.Value?> & Sendable, _ codec: Codec, _ summary: String
        ) -> Member {
            ifKnown(key, { $0[keyPath: path] }, { $0[keyPath: path] = $1 }, codec, summary)
        }

        package static func ifKnown<Value: DocumentValue>(
            _ key: String, _ get: @escaping @Sendable (Object) -> Value?,
            _ set: @escaping @Sendable (inout Object, consuming Value?) -> Void, _ summary: String
        ) -> Member {
            ifKnown(key, get, set, Value.codec, summary)
        }

        package static func ifKnown<Value: DocumentValue>(
            _ key: String, _ path: WritableKeyPath<Object, Value?> & Sendable, _ summary: String
        ) -> Member {
            ifKnown(key, path, Value.codec, summary)
        }
    }
}
