import CMalloc
import Glibc
import Handover
import SystemPackage

/// The memory that the process allocates.
enum Heap {
    /// Makes room for reading a large input: in one step, and in huge pages if available.
    ///
    /// - Parameter share: The expected heap size, as a fraction of the input size.
    ///
    /// The state of a million files is many small arrays. By default, the heap grows by 128 KiB at a time, and each 4
    /// KiB page costs a fault; together, these take as long as reading does. The room takes no memory until it is used.
    static func makeRoom(forInputAt path: FilePath, share: Double) {
        var status = stat()
        guard path.withPlatformString({ stat($0, &status) }) == 0, status.st_size >= leastSize, hasMuchMemory
        else { return }
        mallopt(M_MMAP_THRESHOLD, largestPiece)
        mallopt(M_TRIM_THRESHOLD, Int32.max)
        // Other threads would have their own heaps, which grow page by page.
        mallopt(M_ARENA_MAX, 1)
        mallopt(M_TOP_PAD, Int32(min(Double(status.st_size) * share, Double(largestRoom))))
        guard let start = sbrk(0) else { return }
        // The first piece that does not fit makes the heap grow. A bare malloc and free would be optimized away.
        var piece: [UInt8] = []
        piece.reserveCapacity(Int(largestPiece) / 2)
        guard piece.capacity > 0, let end = sbrk(0) else { return }
        let skip = hugePage - Int(bitPattern: start) % hugePage
        if end - start > skip { madvise(start + skip, end - start - skip, MADV_HUGEPAGE) }
    }

    /// Whether the machine has memory to spare: a crash kernel has little.
    private static var hasMuchMemory: Bool { machineMemory > 2 * UInt64(largestRoom) }

    /// For smaller inputs, making room takes longer than it saves.
    private static let leastSize = 64 << 20
    /// Larger pieces are mapped separately. This is the maximum that glibc accepts.
    private static let largestPiece: Int32 = 32 << 20
    private static let hugePage = 2 << 20
    private static let largestRoom = 1 << 30
}
