import SystemPackage

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// What swift-system does not do with directories.
enum Directory {
    /// Makes a directory, unless there is one. C: `mkdir`.
    static func make(_ path: FilePath) throws(Errno) {
        let result = path.withPlatformString { mkdir($0, 0o755) }
        guard result != 0 else { return }
        let error = Errno(rawValue: errno)
        guard error == .fileExists else { throw error }
    }

    /// Whether there is something at `path`. C: `access`.
    static func holds(_ path: FilePath) -> Bool {
        path.withPlatformString { access($0, F_OK) } == 0
    }

    /// The names in a directory, sorted; none where it is none. C: `opendir`, `readdir`.
    static func entries(of path: FilePath) -> [String] {
        guard let directory = path.withPlatformString({ opendir($0) }) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }
}
