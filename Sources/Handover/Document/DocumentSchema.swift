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
    /// An object of any keys, with values of one form.
    case dictionary(DocumentSchema)
    /// One form or another.
    case oneOf([DocumentSchema])
    /// Any value; its kind of content defines what it must be.
    case anything
    /// A definition under `$defs`.
    case reference(String)

    /// Writes the JSON Schema of the documents that `dump` prints and `build` reads.
    static func write(to writer: inout DocumentWriter) {
        let title = "A kernel handover: Kexec HandOver and the Live Update Orchestrator"
        writer.schema(title, of: HandoverState.form.name) { writer in
            writeScalars(to: &writer)
            HandoverState.form.writeSchema(to: &writer)
            KHOState.form.writeSchema(to: &writer)
            SubtreeState.form.writeSchema(to: &writer)
            LUOState.form.writeSchema(to: &writer)
            BlockState.form.writeSchema(to: &writer)
            SessionState.form.writeSchema(to: &writer)
            FileState.form.writeSchema(to: &writer)
            for content in ContentKinds.coded { content.writeSchema(to: &writer) }
            VmallocState.form.writeSchema(to: &writer)
            VmallocState.Chunk.form.writeSchema(to: &writer)
            FLBState.form.writeSchema(to: &writer)
            for subtree in ContentKinds.codedSubtrees { subtree.writeSchema(to: &writer) }
            PreservedState.form.writeSchema(to: &writer)
            BitmapChunkState.form.writeSchema(to: &writer)
            BitmapChunkState.BitmapState.form.writeSchema(to: &writer)
            RadixTreeState.form.writeSchema(to: &writer)
            RadixTreeState.Node.form.writeSchema(to: &writer)
            RadixTreeState.Leaf.form.writeSchema(to: &writer)
            ResidueState.form.writeSchema(to: &writer)
        }
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
            case .reference(let name): writer.member("$ref", "#/$defs/\(name)")
            }
        }
    }
}

extension DocumentWriter {
    /// Writes a schema whose root is the definition with this name.
    package mutating func schema(_ title: String, of root: String, _ definitions: (inout DocumentWriter) -> Void) {
        object { writer in
            writer.member("$schema", "https://json-schema.org/draft/2020-12/schema")
            writer.member("title", title)
            writer.member("$ref", "#/$defs/\(root)")
            writer.member("$defs", definitions)
        }
    }

    /// Writes the schema of a handover document.
    public mutating func writeSchema() {
        DocumentSchema.write(to: &self)
        finish()
    }

    /// Writes the schema of descriptions of kinds of content.
    public mutating func writeKindsSchema() {
        schema("Kinds of content of a kernel handover", of: KindDocument.form.name) { writer in
            KindDocument.form.writeSchema(to: &writer)
            KindForm.form.writeSchema(to: &writer)
            KindStructure.form.writeSchema(to: &writer)
            KindField.form.writeSchema(to: &writer)
            KindCount.form.writeSchema(to: &writer)
            KindLink.form.writeSchema(to: &writer)
            KindLinkPlace.form.writeSchema(to: &writer)
            KindVersion.form.writeSchema(to: &writer)
            KindContents.form.writeSchema(to: &writer)
            KindMapping.form.writeSchema(to: &writer)
            KindRule.form.writeSchema(to: &writer)
        }
        finish()
    }
}

extension ObjectForm {
    /// Writes the form's definition, as a member of the definitions.
    package func writeSchema(to writer: inout DocumentWriter) {
        writer.key(name)
        writeDefinition(to: &writer)
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
