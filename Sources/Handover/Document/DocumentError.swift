/// Why a document does not describe what it should.
public struct DocumentError: Error, Hashable, Sendable {
    /// Where in the document: a JSON path such as `.sessions[0].files[1].token`.
    public var path: String
    public var problem: String
    /// What else is wrong with the document, further on; at most ``limit`` problems are told.
    public var others: [DocumentError] = []

    /// How many problems of a document are told.
    public static let limit = 20

    public init(path: String, problem: String) {
        self.path = path.isEmpty ? "." : path
        self.problem = problem
    }

    /// All that is wrong with a document, of which there is something.
    public init(_ problems: [DocumentError]) {
        self = problems.first ?? DocumentError(path: "", problem: "something is wrong")
        others = Array(problems.dropFirst())
    }

    /// The error as what is around the place says it: with one more step before its path.
    func inside(_ step: String) -> DocumentError {
        var error = self
        error.path = path == "." ? step : step + path
        error.others = others.map { $0.inside(step) }
        return error
    }

    /// A line for each problem.
    public var lines: [String] {
        let lines = (["\(path): \(problem)"] + others.map { "\($0.path): \($0.problem)" }).prefix(Self.limit)
        if lines.count < Self.limit { return Array(lines) }
        return lines + ["there may be more: these are the first \(Self.limit)"]
    }
}

extension DocumentError: CustomStringConvertible {
    public var description: String { lines.joined(separator: "\n") }
}
