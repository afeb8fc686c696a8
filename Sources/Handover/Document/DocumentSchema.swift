/// The type of a value in a document, as in JSON Schema (draft 2020-12).
package indirect enum DocumentSchema: Sendable {
    case integer(maximum: UInt64)
    case signedInteger
    case integerChoice([Int])
    case stringChoice([String])
    case hex
    case boolean
    case string
    case base64
    case bitmap
    case addressRange
    case array(DocumentSchema, minimum: Int = 0)
    /// An object with arbitrary keys, whose values have one form.
    case dictionary(DocumentSchema)
    /// One form or another.
    case oneOf([DocumentSchema])
    /// Any value; its kind of content defines what it must be.
    case anything
    /// A definition under `$defs`.
    case reference(String)
    /// A named definition, and a closure that writes it and those it refers to, unless already written.
    case object(String, @Sendable (inout DocumentWriter, _ written: inout Set<String>) -> Void)

    /// Writes the JSON Schema of the documents that `dump` prints and `build` reads.
    static func write(to writer: inout DocumentWriter) {
        let title = "A kernel handover: Kexec HandOver and the Live Update Orchestrator"
        writer.schema(title, of: HandoverState.form, writeScalars(to:))
    }

    /// The definitions other than objects with a form.
    private static func writeScalars(to writer: inout DocumentWriter) {
        writer.member("hex") { writer in
            writer.member("description", "64 bits, as printed in hexadecimal, or as a number")
            writeInteger(maximum: .max, to: &writer)
        }
        writer.member("kernelString") { writer in
            writer.member("description", "a string in a kernel structure")
            writer.key("oneOf")
            writer.array { writer in
                writer.element()
                writer.object(compact: true) { $0.member("type", "string") }
                writer.element()
                writer.object { writer in
                    writer.member("description", "bytes that are not UTF-8, or not terminated by a NUL")
                    writer.member("type", "object")
                    writer.member("properties") { writer in
                        writer.key("base64")
                        DocumentSchema.base64.write(to: &writer)
                        writer.member("terminated", compact: true) { $0.member("type", "boolean") }
                    }
                    writer.member("required", strings: ["base64"], compact: true)
                    writer.member("additionalProperties", false)
                }
            }
        }
    }

    private static let numberPattern = "^(0[xX][0-9a-fA-F]{1,16}|[0-9]{1,20})$"

    private static func writeInteger(maximum: UInt64, to writer: inout DocumentWriter) {
        writer.key("oneOf")
        writer.array { writer in
            writer.element()
            plainInteger(maximum: maximum, to: &writer)
            writer.element()
            writer.object(compact: true) { writer in
                writer.member("type", "string")
                writer.member("pattern", numberPattern)
            }
        }
    }

    private static func plainInteger(maximum: UInt64, to writer: inout DocumentWriter) {
        writer.object(compact: true) { writer in
            writer.member("type", "integer")
            writer.member("minimum", 0)
            // Larger numbers are written as strings.
            writer.member("maximum", min(maximum, 1 << 53))
        }
    }

    package func write(description: String? = nil, to writer: inout DocumentWriter) {
        writer.object(compact: true) { writer in
            writer.member("description", description)
            switch self {
            case .integer(let maximum): Self.writeInteger(maximum: maximum, to: &writer)
            case .signedInteger: writer.member("type", "integer")
            case .integerChoice(let values):
                writer.key("enum")
                writer.array { writer in
                    for value in values {
                        writer.element()
                        writer.number(UInt64(value))
                    }
                    for text in values.flatMap({ ["\($0)", $0.prefixedHex] }) {
                        writer.element()
                        writer.string(text)
                    }
                }
            case .stringChoice(let values): writer.member("enum", strings: values)
            case .hex: writer.member("$ref", "#/$defs/hex")
            case .boolean: writer.member("type", "boolean")
            case .string: writer.member("type", "string")
            case .base64:
                writer.member("type", "string")
                writer.member("contentEncoding", "base64")
            case .bitmap:
                writer.member("type", "string")
                writer.member("pattern", "^([0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*)?$")
            case .addressRange:
                writer.member("type", "array")
                writer.member("items") { $0.member("$ref", "#/$defs/hex") }
                writer.member("minItems", 2)
                writer.member("maxItems", 2)
            case .array(let element, let minimum):
                writer.member("type", "array")
                writer.key("items")
                element.write(to: &writer)
                if minimum > 0 { writer.member("minItems", minimum) }
            case .dictionary(let element):
                writer.member("type", "object")
                writer.key("additionalProperties")
                element.write(to: &writer)
            case .oneOf(let forms):
                writer.key("oneOf")
                writer.array { writer in
                    for form in forms {
                        writer.element()
                        form.write(to: &writer)
                    }
                }
            case .anything: break
            case .reference(let name), .object(let name, _): writer.member("$ref", "#/$defs/\(name)")
            }
        }
    }

    /// Writes the definitions that the schema refers to, unless already written.
    fileprivate func writeDefinitions(to writer: inout DocumentWriter, besides written: inout Set<String>) {
        switch self {
        case .array(let element, _), .dictionary(let element): element.writeDefinitions(to: &writer, besides: &written)
        case .oneOf(let forms): for form in forms { form.writeDefinitions(to: &writer, besides: &written) }
        case .object(_, let write): write(&writer, &written)
        default: break
        }
    }
}

extension DocumentWriter {
    /// Writes a schema whose root is an object of this form.
    ///
    /// - Parameter others: Writes the definitions other than objects with a form.
    package mutating func schema<Object>(
        _ title: String, of root: ObjectForm<Object>, _ others: (inout DocumentWriter) -> Void = { _ in }
    ) {
        object { writer in
            writer.member("$schema", "https://json-schema.org/draft/2020-12/schema")
            writer.member("title", title)
            writer.member("$ref", "#/$defs/\(root.name)")
            writer.member("$defs") { writer in
                others(&writer)
                var written: Set<String> = []
                root.writeDefinitions(to: &writer, besides: &written)
            }
        }
    }

    /// Writes the schema of a handover document.
    public mutating func writeSchema() {
        DocumentSchema.write(to: &self)
        finish()
    }

    /// Writes the schema of descriptions of kinds of content.
    public mutating func writeKindsSchema() {
        schema("Kinds of content of a kernel handover", of: KindDocument.form)
        finish()
    }
}

extension DocumentObject {
    package static var schema: DocumentSchema {
        .object(form.name) { (writer, written) in form.writeDefinitions(to: &writer, besides: &written) }
    }
}

extension ObjectForm {
    /// Writes the definitions of the form and of its members' forms, unless already written.
    func writeDefinitions(to writer: inout DocumentWriter, besides written: inout Set<String>) {
        guard written.insert(name).inserted else { return }
        writer.key(name)
        writeDefinition(to: &writer)
        writeMemberDefinitions(to: &writer, besides: &written)
    }

    /// Writes the definitions of the members' forms, unless already written.
    package func writeMemberDefinitions(to writer: inout DocumentWriter, besides written: inout Set<String>) {
        for member in members { member.schema.writeDefinitions(to: &writer, besides: &written) }
    }

    package func writeDefinition(to writer: inout DocumentWriter) {
        writer.object { writer in
            writer.member("description", summary)
            writer.member("type", "object")
            writer.member("properties") { writer in
                for member in members {
                    writer.key(member.key)
                    member.schema.write(description: member.summary, to: &writer)
                }
            }
            let required = members.filter(\.isRequired).map(\.key)
            if !required.isEmpty { writer.member("required", strings: required, compact: true) }
            writer.member("additionalProperties", false)
        }
    }
}
