import KernelABI

/// How values of one kind stand in a document: their JSON, in both directions, and its schema.
protocol DocumentCodec<Value>: Sendable {
    associatedtype Value: Sendable
    func write(_ value: Value, to writer: inout DocumentWriter)
    func encode(_ value: Value, to encoder: any Encoder) throws
    func decode(from decoder: any Decoder) throws -> Value
    var schema: DocumentSchema { get }
}

/// An integer as a JSON number; read from a number or from a string such as `"0x1f"` or `"31"`.
struct NumberCodec<Value: FixedWidthInteger & UnsignedInteger & Codable & Sendable>: DocumentCodec {
    func write(_ value: Value, to writer: inout DocumentWriter) {
        writer.number(UInt64(value))
    }

    func encode(_ value: Value, to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(value)
    }

    func decode(from decoder: any Decoder) throws -> Value {
        let container = try decoder.singleValueContainer()
        if let number = try? container.decode(UInt64.self) {
            return try fit(number, decoder)
        }
        guard let text = try? container.decode(String.self) else {
            throw DocumentError(decoder.codingPath, "expected an integer from 0 to \(Value.max), or one in a string")
        }
        return try fit(parse(text, decoder), decoder)
    }

    private func fit(_ number: UInt64, _ decoder: any Decoder) throws -> Value {
        guard let value = Value(exactly: number) else {
            throw DocumentError(decoder.codingPath, "\(number) does not fit: the largest value is \(Value.max)")
        }
        return value
    }

    private func parse(_ text: String, _ decoder: any Decoder) throws -> UInt64 {
        let isHex = text.hasPrefix("0x") || text.hasPrefix("0X")
        guard !text.hasPrefix("+"), let number = isHex ? UInt64(text.dropFirst(2), radix: 16) : UInt64(text) else {
            throw DocumentError(decoder.codingPath, "\"\(text)\" is not an integer from 0 to 0xffffffffffffffff")
        }
        return number
    }

    var schema: DocumentSchema { .integer(maximum: UInt64(Value.max)) }
}

/// An integer as a string `"0x…"`: handles and tokens, which numbers of other JSON readers would round.
struct HexCodec: DocumentCodec {
    func write(_ value: UInt64, to writer: inout DocumentWriter) {
        writer.hex(value)
    }

    func encode(_ value: UInt64, to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode("0x" + String(value, radix: 16))
    }

    func decode(from decoder: any Decoder) throws -> UInt64 {
        try NumberCodec<UInt64>().decode(from: decoder)
    }

    var schema: DocumentSchema { .hex }
}

/// A physical address as a string `"0x…"`.
struct AddressCodec: DocumentCodec {
    func write(_ value: PhysicalAddress, to writer: inout DocumentWriter) {
        writer.hex(value.rawValue)
    }

    func encode(_ value: PhysicalAddress, to encoder: any Encoder) throws {
        try HexCodec().encode(value.rawValue, to: encoder)
    }

    func decode(from decoder: any Decoder) throws -> PhysicalAddress {
        PhysicalAddress(try HexCodec().decode(from: decoder))
    }

    var schema: DocumentSchema { .hex }
}

/// A string.
struct StringCodec: DocumentCodec {
    func write(_ value: String, to writer: inout DocumentWriter) {
        writer.string(value)
    }

    func encode(_ value: String, to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(value)
    }

    func decode(from decoder: any Decoder) throws -> String {
        guard let text = try? decoder.singleValueContainer().decode(String.self) else {
            throw DocumentError(decoder.codingPath, "expected a string")
        }
        return text
    }

    var schema: DocumentSchema { .string }
}

/// A kernel's string: a JSON string where the bytes are UTF-8, else `{"base64": …}`; `"terminated": false` where
/// no NUL ends it.
struct KernelStringCodec: DocumentCodec {
    private struct Exact: Codable {
        var base64: String
        var terminated: Bool?
    }

    private func exact(_ value: KernelString) -> Exact {
        var text: [UInt8] = []
        Base64.encode(value.bytes, into: &text)
        return Exact(base64: String(decoding: text, as: UTF8.self), terminated: value.isTerminated ? nil : false)
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

    func encode(_ value: KernelString, to encoder: any Encoder) throws {
        if value.isTerminated, let string = value.validString {
            try StringCodec().encode(string, to: encoder)
        } else {
            try exact(value).encode(to: encoder)
        }
    }

    func decode(from decoder: any Decoder) throws -> KernelString {
        if let string = try? decoder.singleValueContainer().decode(String.self) {
            guard !string.utf8.contains(0) else {
                throw DocumentError(decoder.codingPath, "a name cannot hold a NUL")
            }
            return KernelString(string)
        }
        guard let exact = try? Exact(from: decoder), let bytes = Base64.decode(exact.base64), !bytes.contains(0) else {
            throw DocumentError(
                decoder.codingPath, "expected a string, or {\"base64\": …} for a name that is not UTF-8")
        }
        return KernelString(bytes: bytes, isTerminated: exact.terminated ?? true)
    }

    var schema: DocumentSchema { .reference("kernelString") }
}

/// Bytes as base64.
struct BytesCodec: DocumentCodec {
    func write(_ value: [UInt8], to writer: inout DocumentWriter) {
        writer.base64(value)
    }

    func encode(_ value: [UInt8], to encoder: any Encoder) throws {
        var text: [UInt8] = []
        Base64.encode(value, into: &text)
        try StringCodec().encode(String(decoding: text, as: UTF8.self), to: encoder)
    }

    func decode(from decoder: any Decoder) throws -> [UInt8] {
        guard let bytes = Base64.decode(try StringCodec().decode(from: decoder)) else {
            throw DocumentError(decoder.codingPath, "this is not base64")
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

    func encode(_ value: Bitmap, to encoder: any Encoder) throws {
        try StringCodec().encode(value.description, to: encoder)
    }

    func decode(from decoder: any Decoder) throws -> Bitmap {
        let text = try StringCodec().decode(from: decoder)
        guard let bitmap = Bitmap(text) else {
            throw DocumentError(
                decoder.codingPath,
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

    func encode(_ value: Range<PhysicalAddress>, to encoder: any Encoder) throws {
        try ArrayCodec(AddressCodec()).encode([value.lowerBound, value.upperBound], to: encoder)
    }

    func decode(from decoder: any Decoder) throws -> Range<PhysicalAddress> {
        let bounds = try ArrayCodec(AddressCodec()).decode(from: decoder)
        guard bounds.count == 2, bounds[0] <= bounds[1] else {
            throw DocumentError(decoder.codingPath, "expected [start, end], the end not before the start")
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

    func encode(_ value: [Element.Value], to encoder: any Encoder) throws {
        var container = encoder.unkeyedContainer()
        for item in value {
            try element.encode(item, to: container.superEncoder())
        }
    }

    func decode(from decoder: any Decoder) throws -> [Element.Value] {
        guard var container = try? decoder.unkeyedContainer() else {
            throw DocumentError(decoder.codingPath, "expected an array")
        }
        var result: [Element.Value] = []
        while !container.isAtEnd {
            result.append(try element.decode(from: container.superDecoder()))
        }
        return result
    }

    var schema: DocumentSchema { .array(element.schema) }
}

/// An object with a form of its own.
struct ObjectCodec<Object: DocumentObject>: DocumentCodec {
    func write(_ value: Object, to writer: inout DocumentWriter) {
        Object.form.write(value, to: &writer)
    }

    func encode(_ value: Object, to encoder: any Encoder) throws {
        try Object.form.encode(value, to: encoder)
    }

    func decode(from decoder: any Decoder) throws -> Object {
        try Object.form.decode(from: decoder)
    }

    var schema: DocumentSchema { .reference(Object.form.name) }
}
