import CProcessors
import Glibc

/// Runs `body`, and the threads that it starts, on the current processor.
///
/// Threads that run one at a time take turns several times as fast there as across processors, especially on a busy
/// machine.
func onOneProcessor<Result>(_ body: () throws -> Result) rethrows -> Result {
    let size = MemoryLayout<cpu_set_t>.size
    let (place, bit) = Int(sched_getcpu()).quotientAndRemainder(dividingBy: UInt.bitWidth)
    var (all, one) = (cpu_set_t(), cpu_set_t())
    guard place >= 0, bit >= 0, (place + 1) * MemoryLayout<UInt>.size <= size, sched_getaffinity(0, size, &all) == 0
    else { return try body() }
    withUnsafeMutableBytes(of: &one) {
        $0.storeBytes(of: 1 << UInt(bit), toByteOffset: place * MemoryLayout<UInt>.size, as: UInt.self)
    }
    sched_setaffinity(0, size, &one)
    defer { sched_setaffinity(0, size, &all) }
    return try body()
}
