import KernelABI

/// A search of physical memory for possible root FDTs of a handover.
///
/// Only a search finds the root in a memory image, and there can be several: earlier handovers leave theirs behind.
/// This search finds what looks like a root; the reader determines whether it is one, and which is live.
///
/// A candidate is an FDT that is 4 KiB aligned (as all larger pages are), has a plausible header, is at most as large
/// as the largest page (64 KiB), and contains the text `kho-v` where a property value can begin.
public struct RootScan: Sendable {
    /// The addresses of the candidates, ascending.
    public let candidates: [PhysicalAddress]
    /// Whether there are more, which are omitted.
    public let reachedLimit: Bool
    /// The number of bytes that should be available but could not be read.
    public let unreadableBytes: UInt64
    /// The address of the first of them.
    public let firstUnreadable: PhysicalAddress?

    private static let step = 4096
    private static let largestPage = 65536

    /// Searches `memory`.
    ///
    /// Checks one word per 4 KiB, in place if the source allows it; skips zero memory that is not stored.
    ///
    /// - Parameters:
    ///   - memory: The memory of one machine.
    ///   - limit: The maximum number of candidates to return.
    ///   - progress: Called regularly with the number of bytes searched so far, and in total.
    public init(
        of memory: some PhysicalMemory, limit: Int = 1024,
        progress: (_ bytesDone: UInt64, _ bytesTotal: UInt64) -> Void = { _, _ in }
    ) {
        let scan = PageScan(of: memory, pageSize: Self.step, limit: limit, progress: progress) { page, address in
            // FDT_MAGIC, big-endian. A word that is cut off may continue in the next range.
            (page.byteCount < 4 || page.unsafeLoadUnaligned(as: UInt32.self).bigEndian == 0xD00D_FEED)
                && Self.isCandidate(at: address, in: memory)
        }
        candidates = scan.hits
        reachedLimit = scan.reachedLimit
        unreadableBytes = scan.unreadableBytes
        firstUnreadable = scan.firstUnreadable
    }

    private static func isCandidate(at address: PhysicalAddress, in memory: some PhysicalMemory) -> Bool {
        let size = try? memory.withBytes(at: address, count: 40, plausibleSize)
        guard let size else { return false }
        // Compatible is the first property of the root node, so it is in the first page even of a larger FDT.
        let pageSize = memory.statedPageSize ?? step
        let hasText = try? memory.withBytes(at: address, count: min(size, pageSize)) { bytes in
            // Values are 4-byte aligned.
            stride(from: 40, through: bytes.byteCount - 5, by: 4).contains {
                // "kho-", "v"
                bytes.unsafeLoadUnaligned(fromByteOffset: $0, as: UInt32.self).bigEndian == 0x6B68_6F2D
                    && bytes.unsafeLoad(fromByteOffset: $0 + 4, as: UInt8.self) == 0x76
            }
        }
        return hasText ?? false
    }

    /// `totalsize` of an FDT header (`struct fdt_header`, ten big-endian words), or `nil` if implausible.
    private static func plausibleSize(_ header: RawSpan) -> Int? {
        func word(_ index: Int) -> UInt64 {
            UInt64(header.unsafeLoadUnaligned(fromByteOffset: index * 4, as: UInt32.self).bigEndian)
        }
        let (magic, size, structs, strings, reservations) = (word(0), word(1), word(2), word(3), word(4))
        let (version, compatibleVersion, stringsSize, structsSize) = (word(5), word(6), word(8), word(9))
        guard magic == 0xD00D_FEED, (40...UInt64(largestPage)).contains(size), version >= 17, compatibleVersion <= 17,
            structs >= 40, strings >= 40, reservations >= 40, reservations <= size,
            structs + structsSize <= size, strings + stringsSize <= size
        else { return nil }
        return Int(size)
    }
}
