import Handover
import KernelABI
import SystemPackage

/// Completes the names of sessions from the image that is already on the command line.
enum SessionCompletion {
    /// An image so large that a search for its root takes longer than anybody waits for a completion, in bytes.
    private static let largestImage: Int64 = 1 << 30

    @Sendable static func names(_ words: [String], _: Int, _ prefix: String) -> [String] {
        for word in words.dropFirst(2) where !word.isEmpty && !word.hasPrefix("-") {
            guard let status = try? FilePath(word).stat(), status.size <= largestImage,
                let input = try? HandoverInput(FilePath(word))
            else { continue }
            let sessions = input.documents.flatMap { $0.reading.state.luo?.sessions ?? [] }
            // A name with anything else in it would mean something to a shell.
            return sessions.compactMap(\.name.validString).filter { ImageText($0).bare == $0 }
        }
        return []
    }
}
