#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// The size of the inputs: the same as for benchmarks of commands, divided by `LUO_FDT_BENCHMARK_DIVISOR`.
enum Scale {
    private static let divisor = getenv("LUO_FDT_BENCHMARK_DIVISOR").flatMap { Int(String(cString: $0)) } ?? 1

    static func scaled(_ fullSize: Int) -> Int { max(fullSize / max(divisor, 1), 1) }
}
