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
    /// Makes a directory, unless there is one.
    static func make(_ path: FilePath) throws(Errno) {
        let result = path.withPlatformString { mkdir($0, 0o755) }
        guard result != 0 else { return }
        let error = Errno(rawValue: errno)
        guard error == .fileExists else { throw error }
    }
}
