/// Why a document does not describe a handover.
public struct DocumentError: Error, Hashable, Sendable {
    /// Where in the document: a JSON path such as `.sessions[0].files[1].token`.
    public var path: String
    public var problem: String

    public init(path: String, problem: String) {
        self.path = path.isEmpty ? "." : path
        self.problem = problem
    }
}

extension DocumentError: CustomStringConvertible {
    public var description: String { "\(path): \(problem)" }
}
