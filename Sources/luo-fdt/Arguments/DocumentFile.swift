import FoundationEssentials
import Handover
import SystemPackage

/// A JSON document that describes a handover, and the files that it names.
struct DocumentFile {
    let state: HandoverState
    private let directory: FilePath

    /// Reads the document at `path`; `-` is standard input.
    init(path: FilePath) throws(DocumentFileError) {
        directory = path == "-" ? "." : path.removingLastComponent()
        state = try Self.decode(HandoverState.self, from: path)
    }

    /// Reads a value from the JSON document at `path`; `-` is standard input.
    static func decode<Value: Decodable>(
        _ type: Value.Type, from path: FilePath
    ) throws(DocumentFileError) -> Value {
        var bytes = Data()
        do throws(FileError) {
            let file =
                path == "-"
                ? try MappedFile(descriptor: .standardInput, path: "standard input") : try MappedFile(path: path)
            guard let count = Int(exactly: file.count) else { throw FileError.tooLarge(path: path, limit: .max) }
            try file.withBytes(at: 0, count: count) { span in
                bytes = span.withUnsafeBytes { Data($0) }
            }
        } catch {
            throw .file(error)
        }
        do {
            return try JSONDecoder().decode(type, from: bytes)
        } catch let error as DocumentError {
            throw .document(error)
        } catch {
            throw .notJSON(reason(error))
        }
    }

    /// Opens a file that the document names, beside it.
    func file(_ name: String) throws(FileError) -> MappedFile {
        try MappedFile(path: directory.pushing(FilePath(name)))
    }

    private static func reason(_ error: any Error) -> String {
        guard case DecodingError.dataCorrupted(let context) = error else { return "\(error)" }
        return context.underlyingError.map { "\($0)" } ?? context.debugDescription
    }
}

/// Why a document could not be read.
enum DocumentFileError: Error, CustomStringConvertible {
    case file(FileError)
    case notJSON(String)
    case document(DocumentError)

    var description: String {
        switch self {
        case .file(let error): "\(error)"
        case .notJSON(let reason): "this is not JSON: \(reason)"
        case .document(let error): "\(error)"
        }
    }
}
