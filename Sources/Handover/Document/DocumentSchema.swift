/// The form of a value in a document, as JSON Schema (draft 2020-12) describes it.
indirect enum DocumentSchema: Sendable {
    case integer(maximum: UInt64)
    case integerChoice([Int])
    case stringChoice([String])
    case hex
    case boolean
    case string
    case base64
    case bitmap
    case addressRange
    case array(DocumentSchema)
    /// Any value: what it has to be, the kind of content says.
    case anything
    /// A definition under `$defs`.
    case reference(String)
    /// An object with a form: its name, and what writes its definition and those that it leads to.
    case object(String, @Sendable (inout DocumentWriter, _ written: inout Set<String>) -> Void)

    /// Writes the JSON Schema of the documents that `dump` prints and `build` reads.
    public static func write(to writer: inout DocumentWriter) {
        let title = "A kernel handover: Kexec HandOver and the Live Update Orchestrator"
        writer.schema(title, of: HandoverState.form) { writeScalars(to: &$0) }
    }

    /// The definitions that are not objects with a form.
    private static func writeScalars(to writer: inout DocumentWriter) {
        writer.member("hex") { writer in
            writer.member("description", "64 bits, as printed in hexadecimal, or as a number")
            writer.key("oneOf")
            writer.array { writer in
                writer.element()
                writer.object(compact: true) { writer in
                    writer.member("type", "string")
                    writer.member("pattern", numberPattern)
                }
                writer.element()
                DocumentSchema.plainInteger(maximum: .max, to: &writer)
            }
        }
        writer.member("kernelString") { writer in
            writer.member("description", "a string in a kernel structure")
            writer.key("oneOf")
            writer.array { writer in
                writer.element()
                writer.object(compact: true) { $0.member("type", "string") }
                writer.element()
                writer.object { writer in
                    writer.member("description", "bytes that are not UTF-8, or that no NUL ends")
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
        writer.member("blocksByOrder") { writer in
            writer.member("description", "the number of blocks of 2^order pages, by order")
            writer.member("type", "object")
            writer.key("additionalProperties")
            DocumentSchema.plainInteger(maximum: .max, to: &writer)
        }
    }

    private static let numberPattern = "^(0[xX][0-9a-fA-F]{1,16}|[0-9]{1,20})$"

    private static func plainInteger(maximum: UInt64, to writer: inout DocumentWriter) {
        writer.object(compact: true) { writer in
            writer.member("type", "integer")
            writer.member("minimum", 0)
            // A larger number is written as a string.
            writer.member("maximum", min(maximum, 1 << 53))
        }
    }

    func write(description: String? = nil, to writer: inout DocumentWriter) {
        writer.object(compact: true) { writer in
            writer.member("description", description)
            switch self {
            case .integer(let maximum):
                writer.key("oneOf")
                writer.array { writer in
                    writer.element()
                    Self.plainInteger(maximum: maximum, to: &writer)
                    writer.element()
                    writer.object { writer in
                        writer.member("type", "string")
                        writer.member("pattern", Self.numberPattern)
                    }
                }
            case .integerChoice(let values):
                writer.key("enum")
                writer.array { writer in
                    for value in values {
                        writer.element()
                        writer.number(UInt64(value))
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
            case .array(let element):
                writer.member("type", "array")
                writer.key("items")
                element.write(to: &writer)
            case .anything: break
            case .reference(let name), .object(let name, _): writer.member("$ref", "#/$defs/\(name)")
            }
        }
    }

    /// Writes the definitions that it leads to, but those that are written.
    fileprivate func writeDefinitions(to writer: inout DocumentWriter, besides written: inout Set<String>) {
        switch self {
        case .array(let element): element.writeDefinitions(to: &writer, besides: &written)
        case .object(_, let write): write(&writer, &written)
        default: break
        }
    }
}

extension DocumentWriter {
    /// Writes a schema whose root is of a form.
    ///
    /// - Parameter scalars: writes the definitions of what is no object.
    fileprivate mutating func schema<Object>(
        _ title: String, of root: ObjectForm<Object>, _ scalars: (inout DocumentWriter) -> Void = { _ in }
    ) {
        object { writer in
            writer.member("$schema", "https://json-schema.org/draft/2020-12/schema")
            writer.member("title", title)
            writer.member("$ref", "#/$defs/\(root.name)")
            writer.member("$defs") { writer in
                scalars(&writer)
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
    static var schema: DocumentSchema {
        .object(form.name) { (writer, written) in form.writeDefinitions(to: &writer, besides: &written) }
    }
}

extension ObjectForm {
    /// Writes the definition of the form, and of those of its members, unless it is written.
    func writeDefinitions(to writer: inout DocumentWriter, besides written: inout Set<String>) {
        guard written.insert(name).inserted else { return }
        writeDefinition(to: &writer)
        for member in members { member.schema.writeDefinitions(to: &writer, besides: &written) }
    }

    private func writeDefinition(to writer: inout DocumentWriter) {
        writer.member(name) { writer in
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
