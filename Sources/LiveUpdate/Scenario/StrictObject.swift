import Handover
import SystemPackage

/// The members of a JSON object, each taken once; what is left over is unknown, and refused.
///
/// Without an object, it takes down what is asked for: the schema is what the readers ask.
struct StrictObject {
    private let container: KeyedDecodingContainer<ScenarioKey>?
    private let codingPath: [any CodingKey]
    private var known: Set<String> = []
    /// What was asked for, in that order.
    private(set) var members: [ScenarioSchema.Member] = []

    /// An object that is not there.
    init() {
        container = nil
        codingPath = []
    }

    var isDescription: Bool { container == nil }

    init(_ decoder: any Decoder, _ what: String) throws {
        codingPath = decoder.codingPath
        guard let container = try? decoder.container(keyedBy: ScenarioKey.self) else {
            throw Self.error(codingPath, "expected an object: \(what)")
        }
        self.container = container
    }

    private static func error(_ path: [any CodingKey], _ problem: String) -> DocumentError {
        var text = ""
        for key in path { text += key.intValue.map { "[\($0)]" } ?? ".\(key.stringValue)" }
        return DocumentError(path: text, problem: problem)
    }

    /// An error at a member, or at the object.
    func error(at key: String? = nil, _ problem: String) -> DocumentError {
        Self.error(codingPath + (key.map { [ScenarioKey(stringValue: $0)] } ?? []), problem)
    }

    /// Refuses what has not been taken.
    func end() throws {
        for key in (container?.allKeys ?? []).map(\.stringValue).sorted() where !known.contains(key) {
            throw error("unknown key \"\(key)\"; here are: \(known.sorted().joined(separator: ", "))")
        }
    }

    // MARK: Members

    mutating func optional<Value: Decodable>(_ key: String, _ what: String, as type: Value.Type = Value.self) throws
        -> Value?
    {
        known.insert(key)
        members.append(ScenarioSchema.Member(name: key, about: what, type: Value.self))
        guard let container else { return nil }
        let codingKey = ScenarioKey(stringValue: key)
        guard container.contains(codingKey) else { return nil }
        do {
            return try container.decode(Value.self, forKey: codingKey)
        } catch let error as DocumentError {
            throw error
        } catch {
            throw self.error(at: key, "expected \(what)")
        }
    }

    mutating func required<Value: Decodable>(_ key: String, _ what: String, as type: Value.Type = Value.self) throws
        -> Value
    {
        let value: Value? = try optional(key, what)
        members[members.count - 1].isRequired = true
        guard let value else { throw error("missing key \"\(key)\": \(what)") }
        return value
    }

    mutating func string(_ key: String, _ what: String) throws -> String {
        do { return try required(key, what) } catch { if isDescription { return "" } else { throw error } }
    }

    mutating func optionalString(_ key: String, _ what: String) throws -> String? { try optional(key, what) }

    /// A number, or one in a string such as `"0x1000"`.
    mutating func optionalNumber(_ key: String, _ what: String) throws -> UInt64? {
        try optional(key, what, as: FlexibleNumber.self)?.value
    }

    mutating func number(_ key: String, _ what: String) throws -> UInt64 {
        do {
            return try required(key, what, as: FlexibleNumber.self).value
        } catch {
            if isDescription { return 0 } else { throw error }
        }
    }

    mutating func flag(_ key: String, _ what: String) throws -> Bool? { try optional(key, what) }

    mutating func array<Value: Decodable>(_ key: String, _ what: String, of type: Value.Type) throws -> [Value] {
        try optional(key, what, as: [Value].self) ?? []
    }

    /// The kernel's name of an error.
    mutating func errno(_ key: String, _ what: String) throws -> Errno {
        let name = try string(key, what)
        guard let errno = isDescription ? .ioError : Errno(kernelName: name) else { throw error(at: key, Self.unknownErrno(name)) }
        return errno
    }

    static func unknownErrno(_ name: String) -> String {
        "\"\(name)\" is no error known here; they are \(Errno.kernelNames.map(\.name).joined(separator: ", "))"
    }
}

/// A member's name.
struct ScenarioKey: CodingKey {
    let stringValue: String
    let intValue: Int?

    init(stringValue: String) {
        self.stringValue = stringValue
        intValue = nil
    }

    init(intValue: Int) {
        stringValue = String(intValue)
        self.intValue = intValue
    }
}

/// A number, or one in a string.
struct FlexibleNumber: Decodable {
    let value: UInt64

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let value = try? container.decode(UInt64.self) {
            self.value = value
            return
        }
        let text = try container.decode(String.self)
        let value = text.hasPrefix("0x") ? UInt64(text.dropFirst(2), radix: 16) : UInt64(text)
        guard let value else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a number")
        }
        self.value = value
    }
}
