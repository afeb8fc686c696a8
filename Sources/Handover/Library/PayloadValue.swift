/// The value of a payload, or of one of its fields.
public indirect enum PayloadValue: Hashable, Sendable {
    case number(UInt64)
    case string(String)
    case boolean(Bool)
    /// A number other than an integer from 0 to 2^64 - 1, or `null`, as written in the text.
    case literal(String)
    case array([PayloadValue])
    /// The fields, in order.
    case object([Member])

    /// A field.
    public struct Member: Hashable, Sendable {
        public var name: String
        public var value: PayloadValue

        public init(_ name: String, _ value: PayloadValue) {
            self.name = name
            self.value = value
        }
    }

    /// The field with this name, if the value is an object that has it.
    public subscript(name: String) -> PayloadValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }

    init(json text: [UInt8]) throws(DocumentReadError) {
        self = try DocumentReader.read(text) { (reader) throws(DocumentReadError) in try Self(from: &reader) }
    }

    init(from reader: inout DocumentReader) throws(DocumentReadError) {
        switch try reader.nextByte() {
        case UInt8(ascii: "{"):
            try reader.beginObject("an object")
            var members: [Member] = []
            var names: [String] = []
            while try reader.key(
                isFirst: names.isEmpty,
                { (reader, range) throws(DocumentReadError) in
                    names.append(reader.string(range))
                    return names.count
                }) != nil
            {
                members.append(Member(names[names.count - 1], try Self(from: &reader)))
            }
            self = .object(members)
        case UInt8(ascii: "["):
            var elements: [PayloadValue] = []
            try reader.array { (reader) throws(DocumentReadError) in elements.append(try Self(from: &reader)) }
            self = .array(elements)
        case UInt8(ascii: "\""):
            self = .string(try StringCodec().read(from: &reader))
        case UInt8(ascii: "t"), UInt8(ascii: "f"):
            self = .boolean(try reader.boolean())
        default:
            let text = try reader.word()
            self = UInt64(text).map(PayloadValue.number) ?? .literal(text)
        }
    }

    func write(to writer: inout DocumentWriter) {
        switch self {
        case .number(let value): writer.number(value)
        case .string(let text): writer.string(text)
        case .boolean(let value): writer.boolean(value)
        case .literal(let text): writer.word(text)
        case .array(let elements):
            writer.array(compact: true) { writer in
                for element in elements {
                    writer.element()
                    element.write(to: &writer)
                }
            }
        case .object(let members):
            writer.object(compact: true) { writer in
                for member in members {
                    writer.key(member.name)
                    member.value.write(to: &writer)
                }
            }
        }
    }
}

extension PayloadValue: CustomStringConvertible {
    /// The value as JSON, on one line.
    public var description: String {
        var text: [UInt8] = []
        var writer = DocumentWriter { text += $0 }
        write(to: &writer)
        writer.finish()
        return String(decoding: text.dropLast(), as: UTF8.self)
    }
}

extension PayloadValue: ExpressibleByIntegerLiteral, ExpressibleByStringLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    public init(integerLiteral value: UInt64) { self = .number(value) }
    public init(stringLiteral value: String) { self = .string(value) }
    public init(booleanLiteral value: Bool) { self = .boolean(value) }
    public init(arrayLiteral elements: PayloadValue...) { self = .array(elements) }
    public init(dictionaryLiteral elements: (String, PayloadValue)...) {
        self = .object(elements.map { Member($0.0, $0.1) })
    }
}

/// Any JSON value.
package struct PayloadValueCodec: DocumentCodec {
    package func write(_ value: PayloadValue, to writer: inout DocumentWriter) { value.write(to: &writer) }

    package func read(from reader: inout DocumentReader) throws(DocumentReadError) -> PayloadValue {
        try PayloadValue(from: &reader)
    }

    package var schema: DocumentSchema { .anything }
}
