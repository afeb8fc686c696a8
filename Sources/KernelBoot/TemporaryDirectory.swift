import Glibc
import Handover
import SystemPackage

/// A directory for the time that a guest runs.
struct TemporaryDirectory {
    let path: FilePath

    /// Makes it where `TMPDIR` says, or else in /tmp.
    init() throws(BootError) {
        let parent = Directory.forTemporaryFiles(usually: "/tmp")
        var template = Array(parent.appending("luo-fdt-XXXXXX").string.utf8CString)
        guard mkdtemp(&template) != nil else { throw .file("\(parent): \(Errno(rawValue: errno))") }
        path = FilePath(String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }

    /// Removes it with the files in it.
    func remove() {
        Directory.remove(path)
    }
}
