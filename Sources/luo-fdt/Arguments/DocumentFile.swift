import Handover
import SystemPackage

/// A JSON document that describes a handover, and the files that it names.
struct DocumentFile {
    let state: HandoverState
    private let directory: FilePath

    /// Reads the document at `path`; `-` is standard input.
    init(path: FilePath) throws(DocumentReadError) {
        directory = path == "-" ? "." : path.removingLastComponent()
        state = try DocumentReader.read(path)
    }

    /// Opens a file that the document names, beside it.
    func file(_ name: String) throws(FileError) -> MappedFile {
        try MappedFile(path: directory.pushing(FilePath(name)))
    }
}
