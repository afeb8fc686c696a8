import Handover
import KernelABI
import SystemPackage

/// Completes session names from the image that is already on the command line.
enum SessionCompletion {
    /// The size in bytes of the largest image whose root is found fast enough for a completion.
    private static let largestImage: Int64 = 1 << 30

    @Sendable static func names(_ words: [String], _: Int, _ prefix: String) -> [String] {
        for word in words.dropFirst(2) where !word.isEmpty && !word.hasPrefix("-") {
            guard let status = try? FilePath(word).stat(), status.size <= largestImage,
                let input = try? HandoverInput(FilePath(word))
            else { continue }
            let sessions = input.documents.flatMap { $0.reading.state.luo?.sessions ?? [] }
            // Other characters in a name could be special to a shell.
            return sessions.compactMap(\.name.validString).filter { ImageText($0).bare == $0 }
        }
        return []
    }
}
