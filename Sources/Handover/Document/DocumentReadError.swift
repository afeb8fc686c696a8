import SystemPackage

/// Why a document could not be read.
public enum DocumentReadError: Error, Hashable, Sendable {
    case file(FileError)
    /// The text is not JSON: where, and what was expected there.
    case notJSON(String)
    /// It does not describe a handover.
    case document(DocumentError)

    static func document(_ problem: String, at path: DocumentPath = .root) -> DocumentReadError {
        .document(DocumentError(path: path.text, problem: problem))
    }

    /// The error as what is around the place says it: with one more step before its path.
    func inside(_ step: String) -> DocumentReadError {
        guard case .document(let error) = self else { return self }
        return .document(error.inside(step))
    }
}

extension DocumentReadError {
    /// The error, and which file it is about: a line for each problem.
    public func description(of path: FilePath) -> String {
        switch self {
        // What is wrong with a file names it already.
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
