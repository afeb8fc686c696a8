import Handover
import SystemPackage

/// The members of a JSON object. Members that its reader does not request are unknown, and are rejected.
///
/// Problems are recorded, and reading continues as far as possible (``ScenarioProblems``). Without an object, requests
/// are recorded instead: the schema consists of what readers request.
struct StrictObject {
    private let container: KeyedDecodingContainer<ScenarioKey>?
    private let codingPath: [any CodingKey]
    /// What keys that are unknown are taken for, which is not missing, then.
    private var misspelt: Set<String> = []
    /// What was asked for, in that order.
    private(set) var members: [ScenarioSchema.Member] = []
    /// What members name that has to be there.
    private(set) var names: [ScenarioName] = []

    /// An object that is not there.
    init() {
        container = nil
        codingPath = []
    }

    var isDescription: Bool { container == nil }

    /// - Parameters:
    ///   - part: what the object is read as.
    ///   - others: keys besides those that it asks for.
    init(
        _ decoder: any Decoder, _ what: String, of part: any ScenarioPart.Type, others: [String] = []
    ) throws {
        try self.init(decoder, what, keys: Self.members { _ = try part.init(&$0) }.map(\.name) + others)
    }

    /// What `read` asks for.
    static func members(_ read: (inout StrictObject) throws -> Void) -> [ScenarioSchema.Member] {
        var description = StrictObject()
        // What a reader makes of nothing is of no interest, and neither is what it finds wrong with it.
        try? ScenarioProblems.ignored { try read(&description) }
        return description.members
    }

    /// - Parameter keys: those that the object can have; `nil` if that is not known.
    init(_ decoder: any Decoder, _ what: String, keys: [String]?) throws {
        codingPath = decoder.codingPath
        guard let container = try? decoder.container(keyedBy: ScenarioKey.self) else {
            throw Self.error(codingPath, "expected an object: \(what)")
        }
        self.container = container
        guard let keys else { return }
        for key in container.allKeys.map(\.stringValue).sorted() where !keys.contains(key) {
            let nearest = Spelling.nearest(to: key, among: keys)
            if let nearest { misspelt.insert(nearest) }
            let hint = nearest.map(Spelling.question) ?? "here are: \(keys.sorted().joined(separator: ", "))"
            try note("unknown key \"\(key)\"; \(hint)")
        }
    }

    static func error(_ path: [any CodingKey], _ problem: String) -> DocumentError {
        var text = ""
        for key in path { text += key.intValue.map { "[\($0)]" } ?? ".\(key.stringValue)" }
        return DocumentError(path: text, problem: problem)
    }

    /// An error at a member, or at the object.
    func error(at key: String? = nil, _ problem: String) -> DocumentError {
        Self.error(codingPath + (key.map { [ScenarioKey(stringValue: $0)] } ?? []), problem)
    }

    /// Takes an error at a member, or at the object, down.
    func note(at key: String? = nil, _ problem: String) throws {
        try ScenarioProblems.note(error(at: key, problem))
    }

    // MARK: Members

    mutating func optional<Value: Decodable>(_ key: String, _ what: String, as type: Value.Type = Value.self) throws
        -> Value?
    {
        members.append(ScenarioSchema.Member(name: key, about: what, type: Value.self))
        return try value(key, what, Value.self)
    }

    private func value<Value: Decodable>(_ key: String, _ what: String, _ type: Value.Type) throws -> Value? {
        guard let container else { return nil }
        let codingKey = ScenarioKey(stringValue: key)
        guard container.contains(codingKey) else { return nil }
        do {
            return try container.decode(Value.self, forKey: codingKey)
        } catch let error as DocumentError {
            try ScenarioProblems.note(error)
        } catch {
            try note(at: key, "expected \(Self.form(of: Value.self))\(what)")
        }
        return nil
    }

    /// The form of a member in words, where what it is does not tell.
    private static func form(of type: any Decodable.Type) -> String {
        switch type {
        case is String.Type: "a string: "
        case is FlexibleNumber.Type: "a number: "
        case is Bool.Type: "true or false: "
        case is [String].Type: "a list of strings: "
        default: ""
        }
    }

    /// A member that has to be there; `nil` if it is not, or makes no sense, which has been taken down.
    private mutating func required<Value: Decodable>(
        _ key: String, _ what: String, as type: Value.Type
    ) throws -> Value? {
        let value: Value? = try optional(key, what)
        members[members.count - 1].isRequired = true
        if value == nil {
            let isThere = container?.contains(ScenarioKey(stringValue: key)) ?? false
            let isTold = isThere || misspelt.contains(key)
            try ScenarioProblems.note(
                isTold ? nil : error("missing key \"\(key)\": \(what)"), silencing: error(at: key, "").path)
        }
        return value
    }

    /// A text; an empty one where there is none.
    mutating func string(_ key: String, _ what: String) throws -> String {
        try required(key, what, as: String.self) ?? ""
    }

    /// The name of something; in the member that is called as what it is, if no other is meant.
    mutating func name(_ kind: ScenarioName.Kind, _ key: String? = nil) throws -> String {
        let key = key ?? (kind == .flb ? "flb" : kind.rawValue)
        let name = try string(key, kind.about)
        names.append(ScenarioName(kind: kind, name: name, key: key))
        return name
    }

    mutating func optionalString(_ key: String, _ what: String) throws -> String? { try optional(key, what) }

    /// A number, or one in a string such as `"0x1000"`.
    mutating func optionalNumber(_ key: String, _ what: String) throws -> UInt64? {
        try optional(key, what, as: FlexibleNumber.self)?.value
    }

    /// One of several numbers.
    mutating func optionalNumber(_ key: String, _ what: String, among known: [Int]) throws -> Int? {
        let number = try optionalNumber(key, what)
        members[members.count - 1].values = known.flatMap { ["\($0)", $0.prefixedHex] }
        guard let number else { return nil }
        if let number = Int(exactly: number), known.contains(number) { return number }
        let list = known.map { "\($0)" }.joined(separator: ", ")
        try note(at: key, "\(number) is not \(what); that is \(list)")
        return nil
    }

    /// A number; 0 where there is none.
    mutating func number(_ key: String, _ what: String) throws -> UInt64 {
        try required(key, what, as: FlexibleNumber.self)?.value ?? 0
    }

    mutating func flag(_ key: String, _ what: String) throws -> Bool? { try optional(key, what) }

    /// One of several words; of one that is none, the first of them.
    mutating func word(
        _ key: String, _ what: String, among known: [String], isRequired: Bool = false
    ) throws -> String? {
        let word: String? = isRequired ? try required(key, what, as: String.self) : try optional(key, what)
        members[members.count - 1].values = known
        return try word.map { try check($0, key, what, known) }
    }

    /// Some of several words.
    mutating func words(_ key: String, _ what: String, among known: [String]) throws -> Set<String> {
        let words: [String] = try optional(key, what) ?? []
        members[members.count - 1].values = known
        return Set(try words.map { try check($0, key, what, known) })
    }

    private func check(_ word: String, _ key: String, _ what: String, _ known: [String]) throws -> String {
        if known.contains(word) { return word }
        let hint = Spelling.suggestion(for: word, among: known) ?? "that is \(known.joined(separator: ", "))"
        try note(at: key, "\"\(word)\" is not \(what); \(hint)")
        return known.first ?? ""
    }

    /// The elements that make sense.
    mutating func array<Value: Decodable>(_ key: String, _ what: String, of type: Value.Type) throws -> [Value] {
        members.append(ScenarioSchema.Member(name: key, about: what, type: [Value].self))
        return try value(key, what, [ScenarioElement<Value>].self)?.compactMap(\.value) ?? []
    }

    /// The kernel's name of an error.
    mutating func errno(_ key: String, _ what: String) throws -> Errno {
        let name = try required(key, what, as: ErrnoName.self)?.name ?? ""
        if let errno = Errno(kernelName: name) { return errno }
        try note(at: key, name == ScenarioReport.ok ? "\(name) is no error" : Self.unknownErrno(name, ""))
        return .ioError
    }

    /// - Parameter others: what can stand there besides.
    static func unknownErrno(_ name: String, _ others: String = ", or ok") -> String {
        let known = Errno.kernelNames
        let nearest = Spelling.nearest(to: name.uppercased(), among: known) ?? Spelling.nearest(to: name, among: known)
        return "unknown errno '\(name)'; "
            + (nearest.map { "did you mean \($0)?" } ?? "known are those of Linux, crash, and deadlock\(others)")
    }
}

/// Collects all problems of a scenario.
final class ScenarioProblems: Sendable {
    @TaskLocal private static var current: ScenarioProblems?
    private let state = Locked<(problems: [DocumentError], silenced: Set<String>)>(([], []))

    /// Takes a problem down; outside of ``collected(_:)``, throws it.
    ///
    /// - Parameter silencing: a place of which no more is to be told, as what is read there is made up.
    static func note(_ problem: DocumentError?, silencing path: String? = nil) throws {
        guard let current else {
            if let problem { throw problem }
            return
        }
        current.state.withLock { state in
            if let problem, !state.silenced.contains(problem.path) { state.problems.append(problem) }
            if let path { state.silenced.insert(path) }
        }
    }

    /// Runs `body`.
    ///
    /// - Throws: `DocumentError`, with all that has been taken down meanwhile, and what it threw itself.
    static func collected<Result>(_ body: (_ areNone: () -> Bool) throws -> Result) throws -> Result {
        let list = ScenarioProblems()
        var result: Result?
        do {
            result = try $current.withValue(list) { try body { list.state.withLock { $0.problems.isEmpty } } }
        } catch let error as DocumentError {
            try $current.withValue(list) { try note(error) }
        }
        let problems = list.state.withLock { $0.problems }
        guard let result, problems.isEmpty else { throw DocumentError(problems) }
        return result
    }

    /// Runs `body`, whatever is wrong.
    static func ignored<Result>(_ body: () throws -> Result) throws -> Result {
        try $current.withValue(ScenarioProblems(), operation: body)
    }
}

/// An element of an array, if valid.
struct ScenarioElement<Value: Decodable>: Decodable {
    let value: Value?

    init(from decoder: any Decoder) throws {
        do {
            value = try Value(from: decoder)
        } catch let error as DocumentError {
            try ScenarioProblems.note(error)
            value = nil
        }
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

/// The kernel's name of an error.
struct ErrnoName: Decodable {
    let name: String

    init(from decoder: any Decoder) throws {
        name = try decoder.singleValueContainer().decode(String.self)
    }
}

/// A number, possibly in a string.
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
