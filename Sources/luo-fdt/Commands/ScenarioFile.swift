import FoundationEssentials
import Handover
import LiveUpdate
import SystemPackage

extension Scenario {
    /// Reads the scenario at `path`; `-` is standard input.
    static func read(_ path: FilePath) throws(DocumentReadError) -> Scenario {
        let text: Data
        do throws(FileError) {
            let file =
                path == "-"
                ? try MappedFile(descriptor: .standardInput, path: "standard input") : try MappedFile(path: path)
            guard let count = Int(exactly: file.count) else { throw FileError.tooLarge(path: path, limit: .max) }
            text = try file.withBytes(at: 0, count: count) { span in span.withUnsafeBytes { Data($0) } }
        } catch {
            throw .file(error)
        }
        do {
            try JSONSyntax.check(Array(text))
            return try JSONDecoder().decode(Scenario.self, from: text)
        } catch let error as DocumentError {
            throw .document(error)
        } catch DecodingError.dataCorrupted(let context) {
            throw .notJSON(context.underlyingError.map { "\($0)" } ?? context.debugDescription)
        } catch {
            throw .notJSON("\(error)")
        }
    }
}
