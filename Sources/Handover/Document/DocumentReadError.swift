import SystemPackage

/// Why a document could not be read.
public enum DocumentReadError: Error, Hashable, Sendable {
    case file(FileError)
    /// The text is not JSON: where, and what was expected there.
    case notJSON(String)
    /// It does not describe a handover.
    case document(DocumentError)

    static func document(_ problem: String) -> DocumentReadError {
        .document(DocumentError(path: "", problem: problem))
    }

    /// The error as what is around the place says it: with one more step before its path.
    func inside(_ step: String) -> DocumentReadError {
        guard case .document(let error) = self else { return self }
        let path = error.path == "." ? step : step + error.path
        return .document(DocumentError(path: path, problem: error.problem))
    }
}

extension DocumentReadError {
    /// The error, and which file it is about.
    public func description(of path: FilePath) -> String {
        // What is wrong with a file names it already.
        if case .file(let error) = self { "\(error)" } else { "\(path): \(self)" }
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
