import KernelABI

/// How values of one kind stand in a document, their JSON in both directions and its schema; and how two are compared.
protocol DocumentCodec<Value>: Sendable {
    associatedtype Value: Equatable, Sendable
    func write(_ value: Value, to writer: inout DocumentWriter)
    func read(from reader: inout DocumentReader) throws(DocumentReadError) -> Value
    var schema: DocumentSchema { get }
    /// What is said of a value that is another one, or lacking.
    func text(of value: Value) -> String
    /// Notes what is not the same of two values.
    func compare(_ values: Comparison.Pair<Value>, by comparison: inout Comparison)
    /// Notes what is not the same of two lists of values.
    func compareLists(_ lists: Comparison.Pair<[Value]>, by comparison: inout Comparison)
}

/// A value that stands in a document in one way, unless a member says another.
protocol DocumentValue: Equatable, Sendable {
    associatedtype Codec: DocumentCodec where Codec.Value == Self
    static var codec: Codec { get }
}

extension String: DocumentValue { static var codec: StringCodec { StringCodec() } }
extension Bool: DocumentValue { static var codec: BooleanCodec { BooleanCodec() } }
extension UInt16: DocumentValue { static var codec: NumberCodec<UInt16> { NumberCodec() } }
extension UInt32: DocumentValue { static var codec: NumberCodec<UInt32> { NumberCodec() } }
extension UInt64: DocumentValue { static var codec: NumberCodec<UInt64> { NumberCodec() } }
extension PhysicalAddress: DocumentValue { static var codec: AddressCodec { AddressCodec() } }
extension KernelString: DocumentValue { static var codec: KernelStringCodec { KernelStringCodec() } }
extension Bitmap: DocumentValue { static var codec: BitmapCodec { BitmapCodec() } }
extension PayloadValue: DocumentValue { static var codec: PayloadValueCodec { PayloadValueCodec() } }
extension Range<PhysicalAddress>: DocumentValue { static var codec: AddressRangeCodec { AddressRangeCodec() } }
extension Array: DocumentValue where Element: DocumentValue {
    static var codec: ArrayCodec<Element.Codec> { ArrayCodec(Element.codec) }
}
extension DocumentObject { static var codec: ObjectCodec<Self> { ObjectCodec() } }

/// An integer as a JSON number; read from a number or from a string such as `"0x1f"` or `"31"`.
struct NumberCodec<Value: FixedWidthInteger & UnsignedInteger & Sendable>: DocumentCodec {
    func write(_ value: Value, to writer: inout DocumentWriter) {
        writer.number(UInt64(value))
    }

    func read(from reader: inout DocumentReader) throws(DocumentReadError) -> Value {
        let number = try reader.number("expected an integer from 0 to \(Value.max), or one in a string")
        guard let value = Value(exactly: number) else {
            throw .document("\(number) does not fit: the largest value is \(Value.max)")
        }
        return value
    }

    var schema: DocumentSchema { .integer(maximum: UInt64(Value.max)) }
}

/// An integer as a string `"0x…"`: handles and tokens, which numbers of other JSON readers would round.
struct HexCodec: DocumentCodec {
    func write(_ value: UInt64, to writer: inout DocumentWriter) {
        writer.hex(value)
    }

    func read(from reader: inout DocumentReader) throws(DocumentReadError) -> UInt64 {
        try NumberCodec<UInt64>().read(from: &reader)
    }

    var schema: DocumentSchema { .hex }
}

/// A physical address as a string `"0x…"`.
struct AddressCodec: DocumentCodec {
    func write(_ value: PhysicalAddress, to writer: inout DocumentWriter) {
        writer.hex(value.rawValue)
    }

    func read(from reader: inout DocumentReader) throws(DocumentReadError) -> PhysicalAddress {
        PhysicalAddress(try HexCodec().read(from: &reader))
    }

    var schema: DocumentSchema { .hex }
}

/// A string.
struct StringCodec: DocumentCodec {
    func write(_ value: String, to writer: inout DocumentWriter) {
        writer.string(value)
    }

    func read(from reader: inout DocumentReader) throws(DocumentReadError) -> String {
        guard let text = try reader.stringIfPresent() else { throw .document("expected a string") }
        return text
    }

    var schema: DocumentSchema { .string }
}

/// `true` or `false`.
struct BooleanCodec: DocumentCodec {
    func write(_ value: Bool, to writer: inout DocumentWriter) {
        writer.boolean(value)
    }

    func read(from reader: inout DocumentReader) throws(DocumentReadError) -> Bool {
        try reader.boolean()
    }

    var schema: DocumentSchema { .boolean }
}

/// A kernel's string: a JSON string where the bytes are UTF-8, else `{"base64": …}`; `"terminated": false` where
/// no NUL ends it.
struct KernelStringCodec: DocumentCodec {
    /// The exact form.
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

    func write(_ value: KernelString, to writer: inout DocumentWriter) {
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

    func read(from reader: inout DocumentReader) throws(DocumentReadError) -> KernelString {
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

    var schema: DocumentSchema { .reference("kernelString") }
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

/// The bits of a bitmap that are set: `"0-5,7,9-511"`.
struct BitmapCodec: DocumentCodec {
    func write(_ value: Bitmap, to writer: inout DocumentWriter) {
        writer.string(value.description)
    }

    func read(from reader: inout DocumentReader) throws(DocumentReadError) -> Bitmap {
        guard let bitmap = Bitmap(try StringCodec().read(from: &reader)) else {
            throw .document(
                "expected bits in ascending runs such as \"0-5,7\", the largest below \(Bitmap.largestBitCount)")
        }
        return bitmap
    }

    var schema: DocumentSchema { .bitmap }
}

/// A range of physical addresses: `["0x1000", "0x3000"]`, the end not included.
struct AddressRangeCodec: DocumentCodec {
    func write(_ value: Range<PhysicalAddress>, to writer: inout DocumentWriter) {
        writer.array(compact: true) { writer in
            writer.element()
            writer.hex(value.lowerBound.rawValue)
            writer.element()
            writer.hex(value.upperBound.rawValue)
        }
    }

    func read(from reader: inout DocumentReader) throws(DocumentReadError) -> Range<PhysicalAddress> {
        let bounds = try ArrayCodec(AddressCodec()).read(from: &reader)
        guard bounds.count == 2, bounds[0] <= bounds[1] else {
            throw .document("expected [start, end], the end not before the start")
        }
        return bounds[0]..<bounds[1]
    }

    var schema: DocumentSchema { .addressRange }
}

/// An array.
struct ArrayCodec<Element: DocumentCodec>: DocumentCodec {
    let element: Element
    /// Whether all elements stand on one line.
    let isCompact: Bool

    init(_ element: Element, compact: Bool = false) {
        self.element = element
        self.isCompact = compact
    }

    func write(_ value: [Element.Value], to writer: inout DocumentWriter) {
        writer.array(compact: isCompact) { writer in
            for item in value {
                writer.element()
                element.write(item, to: &writer)
            }
        }
    }

    func read(from reader: inout DocumentReader) throws(DocumentReadError) -> [Element.Value] {
        var result: [Element.Value] = []
        try reader.array { (reader) throws(DocumentReadError) in result.append(try element.read(from: &reader)) }
        return result
    }

    var schema: DocumentSchema { .array(element.schema) }
}

/// An object with a form of its own.
struct ObjectCodec<Object: DocumentObject>: DocumentCodec {
    func write(_ value: Object, to writer: inout DocumentWriter) {
        Object.form.write(value, to: &writer)
    }

    func read(from reader: inout DocumentReader) throws(DocumentReadError) -> Object {
        try Object.form.read(from: &reader)
    }

    var schema: DocumentSchema { Object.schema }
}

/// One of the cases of an enumeration, by its raw value.
struct ChoiceCodec<Value: RawRepresentable & CaseIterable & Equatable & Sendable>: DocumentCodec
where Value.RawValue == String {
    /// What is wrong with a text that is none of the choices, which are listed behind it.
    var problem: @Sendable (String) -> String = { "\"\($0)\" is none of" }

    func write(_ value: Value, to writer: inout DocumentWriter) {
        writer.string(value.rawValue)
    }

    func read(from reader: inout DocumentReader) throws(DocumentReadError) -> Value {
        let text = try StringCodec().read(from: &reader)
        guard let value = Value(rawValue: text) else {
            throw .document("\(problem(text)) \(Value.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return value
    }

    var schema: DocumentSchema { .stringChoice(Value.allCases.map(\.rawValue)) }
}
