import Glibc
import Handover
import SystemPackage

/// A directory that exists while a guest runs.
struct TemporaryDirectory {
    let path: FilePath

    /// Creates the directory in `TMPDIR`, or else in /tmp.
    init() throws(BootError) {
        let parent = Directory.forTemporaryFiles(usually: "/tmp")
        var template = Array(parent.appending("luo-fdt-XXXXXX").string.utf8CString)
        guard mkdtemp(&template) != nil else { throw .file("\(parent): \(Errno(rawValue: errno))") }
        path = FilePath(String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }

    /// Removes the directory and its contents.
    func remove() {
        Directory.remove(path)
    }
}
