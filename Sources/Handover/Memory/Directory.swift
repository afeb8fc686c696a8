import CFiles
import Glibc
import SystemPackage

/// File system operations that swift-system lacks.
package enum Directory {
    /// Creates a directory. C: `mkdir`.
    static func make(_ path: FilePath) throws(Errno) {
        try check(path.withPlatformString { mkdir($0, 0o755) })
    }

    /// Whether `path` exists. C: `access`.
    static func holds(_ path: FilePath) -> Bool {
        path.withPlatformString { access($0, F_OK) } == 0
    }

    /// The sorted names in a directory; empty if it is not one. C: `opendir`, `readdir`.
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

    /// The directory for temporary files: `TMPDIR`, or else `usual`.
    package static func forTemporaryFiles(usually usual: FilePath) -> FilePath {
        getenv("TMPDIR").map { FilePath(platformString: $0) } ?? usual
    }

    /// Removes a file, or a directory with its contents; does nothing if it does not exist. C: `unlink`, `rmdir`.
    package static func remove(_ path: FilePath) {
        guard path.withPlatformString({ unlink($0) }) != 0, errno == EISDIR || errno == EPERM else { return }
        for name in entries(of: path) { remove(path.appending(name)) }
        _ = path.withPlatformString { rmdir($0) }
    }

    /// Renames `old` to `new`, replacing it. C: `rename`.
    static func rename(_ old: FilePath, to new: FilePath) throws(Errno) {
        try check(old.withPlatformString { old in new.withPlatformString { Glibc.rename(old, $0) } })
    }

    /// Exchanges two names, atomically if the file system can. C: `renameat2` with `RENAME_EXCHANGE`.
    static func exchange(_ one: FilePath, _ other: FilePath) throws(Errno) {
        let result = one.withPlatformString { one in
            other.withPlatformString { renameat2(AT_FDCWD, one, AT_FDCWD, $0, RENAME_EXCHANGE) }
        }
        if result == 0 { return }
        let error = Errno(rawValue: errno)
        guard [.invalidArgument, .noFunction, .notSupported].contains(error) else { throw error }
        let aside = sibling(of: one)
        try rename(other, to: aside)
        do throws(Errno) {
            try rename(one, to: other)
        } catch {
            try rename(aside, to: other)
            throw error
        }
        try rename(aside, to: one)
    }

    /// An unused name next to `path`.
    static func sibling(of path: FilePath) -> FilePath {
        path.removingLastComponent().appending(".luo-fdt-" + String(UInt64.random(in: 0...UInt64.max), radix: 36))
    }

    /// The path of a directory, with links and dots resolved. C: `realpath`.
    static func realPath(_ path: FilePath) throws(Errno) -> FilePath {
        let name = path.isEmpty ? "." : path
        guard let resolved = name.withPlatformString({ realpath($0, nil) }) else { throw Errno(rawValue: errno) }
        defer { free(resolved) }
        return FilePath(platformString: resolved)
    }

    /// The target of the symbolic link at `path`; `nil` if it is not one. C: `readlink`.
    static func target(ofLink path: FilePath) -> FilePath? {
        var name = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        let length = path.withPlatformString { readlink($0, &name, name.count - 1) }
        return length > 0 ? FilePath(platformString: name) : nil
    }

    private static func check(_ result: CInt) throws(Errno) {
        if result != 0 { throw Errno(rawValue: errno) }
    }
}
