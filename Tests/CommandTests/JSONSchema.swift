import Foundation

/// Any JSON.
enum JSONValue: Decodable, Equatable {
    case null
    case boolean(Bool)
    case integer(UInt64)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .boolean(value)
        } else if let value = try? container.decode(UInt64.self) {
            self = .integer(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    subscript(key: String) -> JSONValue? {
        if case .object(let members) = self { members[key] } else { nil }
    }

    var string: String? {
        if case .string(let value) = self { value } else { nil }
    }
}

/// The subset of JSON Schema that the published schema uses; unknown keywords are violations.
struct JSONSchema {
    private let root: JSONValue

    init(_ data: Data) throws {
        root = try JSONDecoder().decode(JSONValue.self, from: data)
    }

    /// The violations of the schema in `value`.
    func violations(of value: JSONValue) -> [String] { check(value, root, "$") }

    private func check(_ value: JSONValue, _ schema: JSONValue, _ path: String) -> [String] {
        guard case .object(let keywords) = schema else { return ["\(path): a schema that is no object"] }
        return keywords.sorted { $0.key < $1.key }.flatMap { keyword, argument in
            check(value, keyword, argument, keywords, path)
        }
    }

    private func check(
        _ value: JSONValue, _ keyword: String, _ argument: JSONValue, _ schema: [String: JSONValue], _ path: String
    ) -> [String] {
        switch (keyword, argument, value) {
        case ("$schema", _, _), ("title", _, _), ("description", _, _), ("$defs", _, _), ("contentEncoding", _, _):
            return []
        case ("$ref", .string(let name), _):
            guard let target = root["$defs"]?[name.replacing("#/$defs/", with: "")] else { return ["no \(name)"] }
            return check(value, target, path)
        case ("type", .string(let type), _):
            return Self.isOf(type, value) ? [] : ["\(path): not of type \(type)"]
        case ("type", .array(let types), _):
            return types.compactMap(\.string).contains { Self.isOf($0, value) } ? [] : ["\(path): of none of the types"]
        case ("const", _, _):
            return value == argument ? [] : ["\(path): not the value"]
        case ("enum", .array(let values), _):
            return values.contains(value) ? [] : ["\(path): not one of the values"]
        case ("oneOf", .array(let schemas), _):
            let fitting = schemas.count { check(value, $0, path).isEmpty }
            return fitting == 1 ? [] : ["\(path): fits \(fitting) of the forms, not 1"]
        case ("pattern", .string(let pattern), .string(let text)):
            return (try? Regex(pattern).firstMatch(in: text)) == nil ? ["\(path): \"\(text)\" is not \(pattern)"] : []
        case ("minimum", .integer(let limit), .integer(let number)):
            return number >= limit ? [] : ["\(path): \(number) is less than \(limit)"]
        case ("maximum", .integer(let limit), .integer(let number)):
            return number <= limit ? [] : ["\(path): \(number) is more than \(limit)"]
        case ("minItems", .integer(let limit), .array(let elements)):
            return elements.count >= limit ? [] : ["\(path): too few elements"]
        case ("maxItems", .integer(let limit), .array(let elements)):
            return elements.count <= limit ? [] : ["\(path): too many elements"]
        case ("items", _, .array(let elements)):
            return elements.enumerated().flatMap { check($1, argument, "\(path)[\($0)]") }
        case ("properties", .object(let properties), .object(let members)):
            return members.flatMap { key, member in
                properties[key].map { check(member, $0, "\(path).\(key)") } ?? []
            }
        case ("required", .array(let keys), .object(let members)):
            return keys.compactMap(\.string).filter { members[$0] == nil }.map { "\(path): no \($0)" }
        case ("additionalProperties", _, .object(let members)):
            var known: [String: JSONValue] = [:]
            if case .object(let properties)? = schema["properties"] { known = properties }
            return members.filter { known[$0.key] == nil }.flatMap { key, member in
                argument == .boolean(false)
                    ? ["\(path): unknown key \(key)"] : check(member, argument, "\(path).\(key)")
            }
        case ("pattern", _, _), ("minimum", _, _), ("maximum", _, _), ("minItems", _, _), ("maxItems", _, _),
            ("items", _, _), ("properties", _, _), ("required", _, _), ("additionalProperties", _, _):
            return []
        default:
            return ["\(path): unknown keyword \(keyword)"]
        }
    }

    private static func isOf(_ type: String, _ value: JSONValue) -> Bool {
        switch (type, value) {
        case ("integer", .number(let number)): number == number.rounded()
        case ("integer", .integer), ("number", .integer), ("number", .number), ("string", .string),
            ("boolean", .boolean), ("array", .array), ("object", .object), ("null", .null):
            true
        default: false
        }
    }
}
