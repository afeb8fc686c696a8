import Handover
import SystemPackage

/// The files that a document names, which are looked for beside it.
struct DocumentFiles {
    private let directory: FilePath

    init(besides document: FilePath) {
        directory = document == "-" ? "." : document.removingLastComponent()
    }

    func open(_ name: String) throws(FileError) -> MappedFile {
        try MappedFile(path: directory.pushing(FilePath(name)))
    }
}
