import KernelABI
import SystemPackage

/// Writes the contents of all preserved files to a directory, as `SESSION/TOKEN`.
public struct ContentsDirectory: Sendable {
    private let documents: [HandoverDocument]

    /// Something that the directory lacks.
    public enum Loss: Sendable {
        /// The content of a file could not be read, or its kind is unknown, so it is not written.
        case unread(Owner)
        /// A file that cannot be written.
        case unwritten(Owner, OutputError)
        /// Bytes of the file at `path` that are zero in the output because the input lacks them.
        case missing(path: String, [Range<UInt64>])
    }

    /// - Parameter documents: A handover, and any others that a search found.
    public init(of documents: [HandoverDocument]) {
        self.documents = documents
    }

    /// Writes the complete directory, or nothing.
    public func write(to destination: Destination) throws(OutputError) -> [Loss] {
        var losses: [Loss] = []
        try destination.writeDirectory { (root) throws(OutputError) in
            var names = FileNames()
            for document in documents {
                let state = document.reading.state
                let pageSize = state.pageSize ?? .kib4
                let sizes = FolioSizes(preserved: state.preserved, pageSize: pageSize)
                for session in state.luo?.sessions ?? [] {
                    guard let name = names.next(for: session.name.bytes) else { continue }
                    let directory = root.appending(name)
                    try directory.makeDirectory()
                    var tokens = FileNames()
                    for file in session.files ?? [] {
                        let owner = Owner.file(session: session.name, token: file.token)
                        guard let contents = file.fileContents,
                            let token = tokens.next(for: Array(file.token.prefixedHex.utf8))
                        else {
                            losses.append(.unread(owner))
                            continue
                        }
                        let output = ContentsOutput(of: contents, sizes, pageSize, memory: document.memory)
                        do throws(OutputError) {
                            let ranges = try output.write(to: directory.appending(token))
                            if !ranges.isEmpty { losses.append(.missing(path: "\(name)/\(token)", ranges)) }
                        } catch {
                            // An impossible size is damage to one file; the others are written.
                            guard case .file(_, .fileTooLarge) = error else { throw error }
                            losses.append(.unwritten(owner, error))
                        }
                    }
                }
            }
        }
        return losses
    }
}

/// Creates file names from arbitrary bytes of an image: each is unique, and none leads outside the directory.
struct FileNames {
    private var used: Set<String> = []

    /// The bytes, with `%XX` for each that is not an ASCII letter, digit, `-`, `_` or `.`, and for a leading `.`;
    /// followed by `~2` and so on if the name was used before.
    mutating func next(for bytes: [UInt8]) -> FilePath.Component? {
        var name = ""
        for (index, byte) in bytes.enumerated() {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                name.unicodeScalars.append(Unicode.Scalar(byte))
            case UInt8(ascii: ".") where index > 0: name += "."
            default: name += (byte < 16 ? "%0" : "%") + String(byte, radix: 16, uppercase: true)
            }
        }
        if name.isEmpty { name = "%" }
        var unused = name
        var number = 1
        while !used.insert(unused).inserted {
            number += 1
            unused = "\(name)~\(number)"
        }
        return FilePath.Component(unused)
    }
}
