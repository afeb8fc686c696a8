import CMalloc
import Glibc
import Handover
import SystemPackage

/// The memory that the process allocates.
enum Heap {
    /// Makes room for what a large input is read into: in one step, and in huge pages where the system has them.
    ///
    /// - Parameter share: how much memory the process takes, as a part of the input's size.
    /// A state of a million files is many small arrays. By default the heap grows by 128 KiB at a time, and each page
    /// of 4 KiB costs a fault, which together take as long as reading does. The room is not memory until it is used.
    static func makeRoom(forInputAt path: FilePath, share: Double) {
        var status = stat()
        guard path.withPlatformString({ stat($0, &status) }) == 0, status.st_size >= leastSize, hasMuchMemory
        else { return }
        mallopt(M_MMAP_THRESHOLD, largestPiece)
        mallopt(M_TRIM_THRESHOLD, Int32.max)
        // Each thread would have a heap of its own, which grows page by page.
        mallopt(M_ARENA_MAX, 1)
        mallopt(M_TOP_PAD, Int32(min(Double(status.st_size) * share, Double(largestRoom))))
        guard let start = sbrk(0) else { return }
        // The first piece that does not fit makes the heap grow; malloc and free in a row would be optimised away.
        var piece: [UInt8] = []
        piece.reserveCapacity(Int(largestPiece) / 2)
        guard piece.capacity > 0, let end = sbrk(0) else { return }
        let skip = hugePage - Int(bitPattern: start) % hugePage
        if end - start > skip { madvise(start + skip, end - start - skip, MADV_HUGEPAGE) }
    }

    /// Whether the machine has memory to spare: the kernel that is booted after a crash has but little.
    private static var hasMuchMemory: Bool { machineMemory > 2 * UInt64(largestRoom) }

    /// Inputs below this size are read into less than it takes to make room.
    private static let leastSize = 64 << 20
    /// What is larger has pages of its own. The most that glibc takes.
    private static let largestPiece: Int32 = 32 << 20
    private static let hugePage = 2 << 20
    private static let largestRoom = 1 << 30
}
