import SystemPackage

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// How much smaller the inputs are than those that commands are measured with.
///
/// A tenth of them, for a run of a minute or two, unless `LUO_FDT_BENCHMARK_DIVISOR` says otherwise.
enum Scale {
    static let divisor = getenv("LUO_FDT_BENCHMARK_DIVISOR").flatMap { Int(String(cString: $0)) }.map { max($0, 1) } ?? 10

    static func scaled(_ fullSize: Int) -> Int { max(fullSize / divisor, 1) }
}
