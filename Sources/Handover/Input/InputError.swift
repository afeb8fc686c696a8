import KernelABI
import SystemPackage

/// The reason why nothing could be read from an input.
public enum InputError: Error, Sendable {
    case file(FileError)
    /// The input is of no known kind: each kind that was tried, and why the input is not of that kind.
    case notRecognised(path: FilePath, attempts: [Attempt])
    /// The file is compressed with `program`; `command` unpacks it.
    case compressed(path: FilePath, program: String, command: String)
    /// The requested kind does not exist.
    case noSuchKind(name: String, known: [String])
    /// The input was recognised as `kind`, but nothing in it could be read.
    case unreadable(path: FilePath, kind: String, reason: String)
    /// The input is something that no kernel hands over.
    case notHandover(path: FilePath, what: String)
    /// The input contains no handover: the reason, and what else is wrong with it.
    case noHandover(path: FilePath, kind: String, Finding, besides: [Finding])
    /// An option that cannot be used with the input.
    case unusable(option: String, reason: String)

    /// A kind that was tried.
    public struct Attempt: Hashable, Sendable {
        /// The kind's name.
        public var kind: String
        /// The reason why the input is not of this kind.
        public var reason: String
    }
}

extension InputError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .file(let error): "\(error)"
        case .notRecognised(let path, let attempts):
            "\(path): not recognised; tried:"
                + attempts.map { "\n  \($0.kind): \($0.reason)" }.joined()
        case .compressed(let path, let program, let command):
            "\(path): compressed with \(program); decompress it first: \(command) \(path)"
        case .noSuchKind(let name, let known):
            "unknown input kind \"\(name)\"; known kinds are \(known.joined(separator: ", "))"
        case .unreadable(let path, let kind, let reason): "\(path): cannot be read as \(kind): \(reason)"
        case .notHandover(let path, let what): "\(path): this is not a handover: \(what)"
        case .noHandover(let path, _, let finding, let others):
            "\(path): \(finding)" + others.map { "\n  \($0)" }.joined()
        case .unusable(let option, let reason): "\(option): \(reason)"
        }
    }
}
