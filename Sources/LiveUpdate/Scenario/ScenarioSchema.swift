import SystemPackage

/// The JSON Schema of scenarios, derived from what their readers accept.
public struct ScenarioSchema: Encodable {
    public init() {}

    public func encode(to encoder: any Encoder) throws {
        var node = Self.object(Scenario.self)
        node["$schema"] = .text("https://json-schema.org/draft/2020-12/schema")
        node["title"] = .text("A scenario of live updates")
        let errors = Errno.kernelNames
        node["$defs"] = .object([
            "step": .object(Self.step), "error": .object(["enum": .list(errors.map(Node.text))]),
            "result": .object(["enum": .list(([ScenarioReport.ok] + errors).map(Node.text))]),
        ])
        try Node.object(node).encode(to: encoder)
    }

    /// A member requested by a reader.
    struct Member {
        let name: String
        let about: String
        let type: any Decodable.Type
        var isRequired = false
        /// All that the member, or an element of it, can be; `nil` if that is not a matter of words.
        var values: [String]?
    }

    private indirect enum Node: Encodable {
        case text(String)
        case flag(Bool)
        case number(Int)
        case list([Node])
        case object([String: Node])

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .text(let text): try container.encode(text)
            case .flag(let flag): try container.encode(flag)
            case .number(let number): try container.encode(number)
            case .list(let list): try container.encode(list)
            case .object(let object): try container.encode(object)
            }
        }
    }

    private static func object(_ type: any ScenarioPart.Type) -> [String: Node] {
        object(StrictObject.members { _ = try type.init(&$0) })
    }

    private static func object(_ members: [Member], verb: String? = nil) -> [String: Node] {
        var properties: [String: Node] = [:]
        for member in members {
            var node = Self.node(of: member)
            node["description"] = .text(member.about)
            properties[member.name] = .object(node)
        }
        if let verb { properties["do"] = .object(["const": .text(verb)]) }
        let required = (verb == nil ? [] : ["do"]) + members.filter(\.isRequired).map(\.name)
        return [
            "type": .text("object"), "properties": .object(properties), "additionalProperties": .flag(false),
            "required": .list(required.map(Node.text)),
        ]
    }

    /// A step, which everything that has steps refers to.
    private static let step: [String: Node] = [
        "oneOf": .list(
            ActionForm.all.map { .object(object(ScenarioStep.members(of: $0), verb: $0.verb)) })
    ]

    private static func list(of items: [String: Node]) -> [String: Node] {
        ["type": .text("array"), "items": .object(items)]
    }

    private static let results = list(of: reference(to: "result")).merging(["minItems": .number(1)]) { $1 }
    private static let string: [String: Node] = ["type": .text("string")]

    private static func reference(to definition: String) -> [String: Node] {
        ["$ref": .text("#/$defs/\(definition)")]
    }

    private static func node(of member: Member) -> [String: Node] {
        guard let values = member.values else { return node(of: member.type) }
        let node: [String: Node] = ["enum": .list(values.map(Node.text))]
        switch member.type {
        case is [String].Type: return list(of: node)
        case is FlexibleNumber.Type:
            return ["enum": .list(values.compactMap(Int.init).map(Node.number) + values.map(Node.text))]
        default: return node
        }
    }

    private static func node(of type: any Decodable.Type) -> [String: Node] {
        switch type {
        case is String.Type: string
        case is Bool.Type: ["type": .text("boolean")]
        case is FlexibleNumber.Type: ["type": .list([.text("integer"), .text("string")])]
        case is [String].Type: list(of: string)
        case is ErrnoName.Type: reference(to: "error")
        case is Alternatives.Type: ["oneOf": .list([.object(string), .object(list(of: string))])]
        case is ResultNames.Type:
            ["oneOf": .list([.object(reference(to: "result")), .object(results)])]
        case is [String: Int64].Type:
            ["type": .text("object"), "additionalProperties": .object(["type": .text("integer")])]
        case is [Scenario.HandlerDefinition].Type: list(of: object(Scenario.HandlerDefinition.self))
        case is [Scenario.FLBDefinition].Type: list(of: object(Scenario.FLBDefinition.self))
        case is [Scenario.FileDefinition].Type: list(of: object(Scenario.FileDefinition.self))
        case is [ScenarioStep].Type, is RaceSteps.Type: list(of: reference(to: "step"))
        case is [RaceSteps].Type: list(of: node(of: RaceSteps.self))
        case is [RaceExpectation].Type: list(of: object(RaceExpectation.self))
        case is OperationSteps.Type: object(OperationSteps.self)
        case is [ResultNames].Type: list(of: node(of: ResultNames.self))
        case is [[String]].Type: list(of: list(of: string))
        default: [:]
        }
    }
}

/// Something that is read from an object, member by member.
protocol ScenarioPart {
    init(_ object: inout StrictObject) throws
}
