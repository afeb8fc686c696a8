/// Why a document does not describe a handover.
public struct DocumentError: Error, Hashable, Sendable {
    /// Where in the document: a JSON path such as `.sessions[0].files[1].token`.
    public var path: String
    public var problem: String

    public init(path: String, problem: String) {
        self.path = path.isEmpty ? "." : path
        self.problem = problem
    }

    init(_ codingPath: [any CodingKey], _ problem: String) {
        var path = ""
        for key in codingPath where key.stringValue != "super" {
            path += key.intValue.map { "[\($0)]" } ?? ".\(key.stringValue)"
        }
        self.init(path: path, problem: problem)
    }
}

extension DocumentError: CustomStringConvertible {
    public var description: String { "\(path): \(problem)" }
}

/// A member's name in a document.
struct DocumentKey: CodingKey, Hashable {
    let stringValue: String
    let intValue: Int?

    init(stringValue: String) {
        self.stringValue = stringValue
        self.intValue = nil
    }

    init(intValue: Int) {
        self.stringValue = String(intValue)
        self.intValue = intValue
    }
}
