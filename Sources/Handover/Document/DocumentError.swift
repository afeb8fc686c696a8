/// The reason why a document does not describe what it should.
public struct DocumentError: Error, Hashable, Sendable {
    /// The position in the document: a JSON path such as `.sessions[0].files[1].token`.
    public var path: String
    public var problem: String
    /// Further problems of the document; at most ``limit`` are reported.
    public var others: [DocumentError] = []

    /// The maximum number of problems reported for a document.
    public static let limit = 20

    public init(path: String, problem: String) {
        self.path = path.isEmpty ? "." : path
        self.problem = problem
    }

    /// All problems of a document; must not be empty.
    public init(_ problems: [DocumentError]) {
        self = problems.first ?? DocumentError(path: "", problem: "something is wrong")
        others = Array(problems.dropFirst())
    }

    /// The error with one more step prepended to its path, as seen from the enclosing value.
    func inside(_ step: String) -> DocumentError {
        var error = self
        error.path = path == "." ? step : step + path
        error.others = others.map { $0.inside(step) }
        return error
    }

    /// One line per problem.
    public var lines: [String] {
        let lines = (["\(path): \(problem)"] + others.map { "\($0.path): \($0.problem)" }).prefix(Self.limit)
        if lines.count < Self.limit { return Array(lines) }
        return lines + ["there may be more: these are the first \(Self.limit)"]
    }
}

extension DocumentError: CustomStringConvertible {
    public var description: String { lines.joined(separator: "\n") }
}
