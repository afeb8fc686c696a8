import SystemPackage

/// The reason why a document could not be read.
public enum DocumentReadError: Error, Hashable, Sendable {
    case file(FileError)
    /// The text is not JSON: where, and what was expected.
    case notJSON(String)
    /// The text does not describe a handover.
    case document(DocumentError)

    static func document(_ problem: String, at path: DocumentPath = .root) -> DocumentReadError {
        .document(DocumentError(path: path.text, problem: problem))
    }

    /// The error with one more step prepended to its path, as seen from the enclosing value.
    func inside(_ step: String) -> DocumentReadError {
        guard case .document(let error) = self else { return self }
        return .document(error.inside(step))
    }
}

extension DocumentReadError {
    /// The error and the file concerned: one line per problem.
    public func description(of path: FilePath) -> String {
        switch self {
        // A file error already names the file.
        case .file(let error): "\(error)"
        case .document(let error): error.lines.map { "\(path): \($0)" }.joined(separator: "\n")
        case .notJSON: "\(path): \(self)"
        }
    }
}

extension DocumentReadError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .file(let error): "\(error)"
        case .notJSON(let reason): "this is not JSON: \(reason)"
        case .document(let error): "\(error)"
        }
    }
}
