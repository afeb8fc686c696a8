#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// How large the inputs are: as large as those that commands are measured with, unless `LUO_FDT_BENCHMARK_DIVISOR`
/// says by what to divide that.
enum Scale {
    private static let divisor = getenv("LUO_FDT_BENCHMARK_DIVISOR").flatMap { Int(String(cString: $0)) } ?? 1

    static func scaled(_ fullSize: Int) -> Int { max(fullSize / max(divisor, 1), 1) }
}
