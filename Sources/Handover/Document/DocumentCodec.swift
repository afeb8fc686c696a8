import KernelABI

/// How values of a type are represented in a document: their JSON, in both directions, its schema, and how two values
/// are compared.
package protocol DocumentCodec<Value>: Sendable {
    associatedtype Value: Equatable, Sendable
    func write(_ value: Value, to writer: inout DocumentWriter)
    func read(from reader: inout DocumentReader) throws(DocumentReadError) -> Value
    var schema: DocumentSchema { get }
    /// Describes a value that differs or is missing.
    func text(of value: Value) -> String
    /// Records the differences between two values.
    func compare(_ values: Comparison.Pair<Value>, by comparison: inout Comparison)
    /// Records the differences between two lists of values.
    func compareLists(_ lists: Comparison.Pair<[Value]>, by comparison: inout Comparison)
}

/// A type with a default representation in documents, which a member can override.
package protocol DocumentValue: Equatable, Sendable {
    associatedtype Codec: DocumentCodec where Codec.Value == Self
    static var codec: Codec { get }
}

extension String: DocumentValue { package static var codec: StringCodec { StringCodec() } }
extension Bool: DocumentValue { package static var codec: BooleanCodec { BooleanCodec() } }
extension UInt16: DocumentValue { package static var codec: NumberCodec<UInt16> { NumberCodec() } }
extension UInt32: DocumentValue { package static var codec: NumberCodec<UInt32> { NumberCodec() } }
extension UInt64: DocumentValue { package static var codec: NumberCodec<UInt64> { NumberCodec() } }
extension PhysicalAddress: DocumentValue { package static var codec: AddressCodec { AddressCodec() } }
extension KernelString: DocumentValue { package static var codec: KernelStringCodec { KernelStringCodec() } }
extension PayloadValue: DocumentValue { package static var codec: PayloadValueCodec { PayloadValueCodec() } }
extension Array: DocumentValue where Element: DocumentValue {
    package static var codec: ArrayCodec<Element.Codec> { ArrayCodec(Element.codec) }
}
extension DocumentObject { package static var codec: ObjectCodec<Self> { ObjectCodec() } }

/// An integer as a JSON number; also read from a string such as `"0x1f"` or `"31"`.
package struct NumberCodec<Value: FixedWidthInteger & UnsignedInteger & Sendable>: DocumentCodec {
    package init() {}

    package func write(_ value: Value, to writer: inout DocumentWriter) {
        writer.number(UInt64(value))
    }

    package func read(from reader: inout DocumentReader) throws(DocumentReadError) -> Value {
        let number = try reader.number("expected an integer from 0 to \(Value.max), or one in a string")
        guard let value = Value(exactly: number) else {
            throw .document("\(number) does not fit: the largest value is \(Value.max)")
        }
        return value
    }

    package var schema: DocumentSchema { .integer(maximum: UInt64(Value.max)) }
}

/// An integer that can be negative.
package struct SignedNumberCodec: DocumentCodec {
    package init() {}

    package func write(_ value: Int64, to writer: inout DocumentWriter) {
        writer.number(value)
    }

    package func read(from reader: inout DocumentReader) throws(DocumentReadError) -> Int64 {
        try reader.signedNumber("expected an integer")
    }

    package var schema: DocumentSchema { .signedInteger }
}

/// An integer as a string `"0x…"`: for handles and tokens, which other JSON readers would round as numbers.
package struct HexCodec: DocumentCodec {
    package func write(_ value: UInt64, to writer: inout DocumentWriter) {
        writer.hex(value)
    }

    package func read(from reader: inout DocumentReader) throws(DocumentReadError) -> UInt64 {
        try NumberCodec<UInt64>().read(from: &reader)
    }

    package var schema: DocumentSchema { .hex }
}

/// A physical address as a string `"0x…"`.
package struct AddressCodec: DocumentCodec {
    package func write(_ value: PhysicalAddress, to writer: inout DocumentWriter) {
        writer.hex(value.rawValue)
    }

    package func read(from reader: inout DocumentReader) throws(DocumentReadError) -> PhysicalAddress {
        PhysicalAddress(try HexCodec().read(from: &reader))
    }

    package var schema: DocumentSchema { .hex }
}

/// A string.
package struct StringCodec: DocumentCodec {
    package init() {}

    package func write(_ value: String, to writer: inout DocumentWriter) {
        writer.string(value)
    }

    package func read(from reader: inout DocumentReader) throws(DocumentReadError) -> String {
        guard let text = try reader.stringIfPresent() else { throw .document("expected a string") }
        return text
    }

    package var schema: DocumentSchema { .string }
}

/// `true` or `false`.
package struct BooleanCodec: DocumentCodec {
    package func write(_ value: Bool, to writer: inout DocumentWriter) {
        writer.boolean(value)
    }

    package func read(from reader: inout DocumentReader) throws(DocumentReadError) -> Bool {
        try reader.boolean()
    }

    package var schema: DocumentSchema { .boolean }
}

/// A kernel string: a JSON string if the bytes are UTF-8, else `{"base64": …}`; with `"terminated": false` if it is not
/// NUL-terminated.
package struct KernelStringCodec: DocumentCodec {
    /// The object form, which can represent any string.
    private struct Exact: DocumentObject {
        var bytes: [UInt8] = []
        var isTerminated = true

        static let form = ObjectForm<Exact>(
            "kernelStringBytes", "a name that is not UTF-8", compact: true,
            [
                .always("base64", { $0.bytes }, { $0.bytes = $1 }, BytesCodec(), required: true, "its bytes"),
                .always("terminated", { $0.isTerminated }, { $0.isTerminated = $1 }, "whether a NUL follows them"),
            ])
    }

    package func write(_ value: KernelString, to writer: inout DocumentWriter) {
        if value.isTerminated, value.isValid {
            writer.string(utf8: value.bytes)
        } else {
            writer.object(compact: true) { writer in
                writer.key("base64")
                writer.base64(value.bytes)
                if !value.isTerminated {
                    writer.key("terminated")
                    writer.boolean(false)
                }
            }
        }
    }

    package func read(from reader: inout DocumentReader) throws(DocumentReadError) -> KernelString {
        if let name = try reader.nameIfPresent() { return name }
        let known = reader.problems.count
        do throws(DocumentReadError) {
            let exact = try Exact.form.read(from: &reader)
            if reader.problems.count == known, !exact.bytes.contains(0) {
                return KernelString(bytes: exact.bytes, isTerminated: exact.isTerminated)
            }
            reader.dropProblems(since: known)
        } catch {
            if case .document = error {} else { throw error }
        }
        throw .document("expected a string, or {\"base64\": …} for a name that is not UTF-8")
    }

    package var schema: DocumentSchema { .reference("kernelString") }
}

/// Bytes as base64.
struct BytesCodec: DocumentCodec {
    func write(_ value: [UInt8], to writer: inout DocumentWriter) {
        writer.base64(value)
    }

    func read(from reader: inout DocumentReader) throws(DocumentReadError) -> [UInt8] {
        guard let bytes = Base64.decode(try StringCodec().read(from: &reader)) else {
            throw .document("this is not base64")
        }
        return bytes
    }

    var schema: DocumentSchema { .base64 }
}

/// The set bits of a bitmap: `"0-5,7,9-511"`.
extension Bitmap: DocumentValue {
    package static var codec: MappedCodec<StringCodec, Bitmap> {
        StringCodec().mapped(
            .bitmap, from: \.description,
            problem: { _ in "expected bits as ascending runs such as \"0-5,7\", the largest below \(largestBitCount)" }
        ) { Bitmap($0) }
    }
}

/// A range of physical addresses: `["0x1000", "0x3000"]`, excluding the end.
extension Range<PhysicalAddress>: DocumentValue {
    package static var codec: MappedCodec<ArrayCodec<AddressCodec>, Self> {
        ArrayCodec(AddressCodec(), compact: true).mapped(
            .addressRange, from: { [$0.lowerBound, $0.upperBound] },
            problem: { _ in "expected [start, end], the end not before the start" }
        ) { $0.count == 2 && $0[0] <= $0[1] ? $0[0]..<$0[1] : nil }
    }
}

/// An array.
package struct ArrayCodec<Element: DocumentCodec>: DocumentCodec {
    let element: Element
    /// Whether to write all elements on one line.
    let isCompact: Bool

    package init(_ element: Element, compact: Bool = false) {
        self.element = element
        self.isCompact = compact
    }

    package func write(_ value: [Element.Value], to writer: inout DocumentWriter) {
        writer.array(compact: isCompact) { writer in
            for item in value {
                writer.element()
                element.write(item, to: &writer)
            }
        }
    }

    package func read(from reader: inout DocumentReader) throws(DocumentReadError) -> [Element.Value] {
        var result: [Element.Value] = []
        try reader.array { (reader) throws(DocumentReadError) in result.append(try element.read(from: &reader)) }
        return result
    }

    package var schema: DocumentSchema { .array(element.schema) }
}

/// One value, or an array of at least one.
package struct OneOrMoreCodec<Element: DocumentCodec>: DocumentCodec {
    let element: Element

    package init(_ element: Element) {
        self.element = element
    }

    private var array: ArrayCodec<Element> { ArrayCodec(element, compact: true) }

    package func write(_ value: [Element.Value], to writer: inout DocumentWriter) {
        if value.count == 1 { element.write(value[0], to: &writer) } else { array.write(value, to: &writer) }
    }

    package func read(from reader: inout DocumentReader) throws(DocumentReadError) -> [Element.Value] {
        guard try reader.nextByte() == UInt8(ascii: "[") else { return [try element.read(from: &reader)] }
        let known = reader.problems.count
        let values = try array.read(from: &reader)
        if values.isEmpty, reader.problems.count == known { throw .document("expected a value, or several") }
        return values
    }

    package var schema: DocumentSchema { .oneOf([element.schema, .array(element.schema, minimum: 1)]) }
}

/// An object with arbitrary keys.
package struct DictionaryCodec<Element: DocumentCodec>: DocumentCodec {
    let element: Element
    let summary: String

    package init(_ element: Element, _ summary: String) {
        self.element = element
        self.summary = summary
    }

    package func write(_ value: [String: Element.Value], to writer: inout DocumentWriter) {
        writer.object(compact: true) { writer in
            for (key, item) in value.sorted(by: { $0.key < $1.key }) {
                writer.key(key)
                element.write(item, to: &writer)
            }
        }
    }

    package func read(from reader: inout DocumentReader) throws(DocumentReadError) -> [String: Element.Value] {
        var result: [String: Element.Value] = [:]
        try reader.object(summary) { (key, reader) throws(DocumentReadError) in
            result[key] = try element.read(from: &reader)
        }
        return result
    }

    package var schema: DocumentSchema { .dictionary(element.schema) }
}

/// A value that is written as a value of another type.
package struct MappedCodec<Base: DocumentCodec, Value: Equatable & Sendable>: DocumentCodec {
    fileprivate let base: Base
    package let schema: DocumentSchema
    fileprivate let stored: @Sendable (Value) -> Base.Value
    fileprivate let value: @Sendable (Base.Value) throws(DocumentReadError) -> Value

    package func write(_ value: Value, to writer: inout DocumentWriter) {
        base.write(stored(value), to: &writer)
    }

    package func read(from reader: inout DocumentReader) throws(DocumentReadError) -> Value {
        try value(try base.read(from: &reader))
    }
}

extension DocumentCodec {
    /// A codec for values that are written as values of this type.
    ///
    /// - Parameters:
    ///   - schema: The schema; by default, that of this codec.
    ///   - problem: Describes a value for which `value` returns `nil`.
    package func mapped<Other: Equatable>(
        _ schema: DocumentSchema? = nil, from stored: @escaping @Sendable (Other) -> Value,
        problem: @escaping @Sendable (Value) -> String, to value: @escaping @Sendable (Value) -> Other?
    ) -> MappedCodec<Self, Other> {
        MappedCodec(base: self, schema: schema ?? self.schema, stored: stored) { given throws(DocumentReadError) in
            guard let value = value(given) else { throw .document(problem(given)) }
            return value
        }
    }
}

/// An object with its own form.
package struct ObjectCodec<Object: DocumentObject>: DocumentCodec {
    package func write(_ value: Object, to writer: inout DocumentWriter) {
        Object.form.write(value, to: &writer)
    }

    package func read(from reader: inout DocumentReader) throws(DocumentReadError) -> Object {
        try Object.form.read(from: &reader)
    }

    package var schema: DocumentSchema { Object.schema }
}

/// One of several words.
package struct WordCodec: DocumentCodec {
    private let words: [String]
    private let problem: String

    /// - Parameter problem: The predicate of the error for any other word.
    package init(_ words: [String], else problem: String = "is unknown") {
        self.words = words
        self.problem = problem
    }

    package func write(_ value: String, to writer: inout DocumentWriter) {
        writer.string(value)
    }

    package func read(from reader: inout DocumentReader) throws(DocumentReadError) -> String {
        let text = try StringCodec().read(from: &reader)
        if words.contains(text) { return text }
        let hint = Spelling.suggestion(for: text, among: words) ?? "known are \(words.joined(separator: ", "))"
        throw .document("\(ImageText(text)) \(problem); \(hint)")
    }

    package var schema: DocumentSchema { .stringChoice(words) }
}

/// One of the cases of an enumeration, by its raw value.
package struct ChoiceCodec<Value: RawRepresentable & CaseIterable & Equatable & Sendable>: DocumentCodec
where Value.RawValue == String {
    private let words: WordCodec

    /// - Parameters:
    ///   - values: The allowed values; by default, all.
    ///   - problem: The predicate of the error for any other word.
    package init(_ values: [Value]? = nil, else problem: String = "is unknown") {
        words = WordCodec((values ?? Array(Value.allCases)).map(\.rawValue), else: problem)
    }

    package func write(_ value: Value, to writer: inout DocumentWriter) {
        writer.string(value.rawValue)
    }

    package func read(from reader: inout DocumentReader) throws(DocumentReadError) -> Value {
        let word = try words.read(from: &reader)
        guard let value = Value(rawValue: word) else { throw .document("\(ImageText(word)) is unknown") }
        return value
    }

    package var schema: DocumentSchema { words.schema }
}
