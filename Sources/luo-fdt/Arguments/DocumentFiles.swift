import Handover
import SystemPackage

/// The files that a document names, relative to the document's directory.
struct DocumentFiles {
    private let directory: FilePath

    init(besides document: FilePath) {
        directory = document == "-" ? "." : document.removingLastComponent()
    }

    func path(_ name: String) -> FilePath { directory.pushing(FilePath(name)) }

    func open(_ name: String) throws(FileError) -> MappedFile {
        try MappedFile(path: path(name))
    }
}
