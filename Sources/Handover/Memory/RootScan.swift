import KernelABI

/// A search of physical memory for what may be the root FDT of a handover.
///
/// Nothing but a search finds the root in a memory image, and there can be several: earlier handovers leave theirs
/// behind. What is found here looks like a root; whether it is one, and which of them is live, is for the reader to
/// say.
///
/// A candidate is an FDT at a multiple of 4 KiB (which every larger page is, too) whose header is plausible, no larger
/// than the largest page (64 KiB), and that has the text `kho-v` where a property's value can begin.
public struct RootScan: Sendable {
    /// Where the candidates are, ascending.
    public let candidates: [PhysicalAddress]
    /// Whether there are more, which were left out.
    public let reachedLimit: Bool
    /// The bytes that should have been available, and could not be read.
    public let unreadableBytes: UInt64
    /// Where the first of them are.
    public let firstUnreadable: PhysicalAddress?

    private static let step = 4096
    private static let largestPage = 65536

    /// Searches `memory`.
    ///
    /// One word of every 4 KiB is looked at, in place where the source allows it; memory that is zero without being
    /// stored is not looked at.
    ///
    /// - Parameters:
    ///   - memory: the memory of one machine.
    ///   - limit: The most candidates to return.
    ///   - progress: Called now and then with the bytes that have been searched, and the bytes there are.
    public init(
        of memory: some PhysicalMemory, limit: Int = 1024,
        progress: (_ bytesDone: UInt64, _ bytesTotal: UInt64) -> Void = { _, _ in }
    ) {
        let scan = PageScan(of: memory, pageSize: Self.step, limit: limit, progress: progress) { page, address in
            // FDT_MAGIC, big-endian. A word that the end cuts off may go on in what follows.
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
        // Compatible is the first property of the root node: the first page has it, where the FDT is larger.
        let pageSize = memory.statedPageSize ?? step
        let hasText = try? memory.withBytes(at: address, count: min(size, pageSize)) { bytes in
            // Values begin at multiples of 4.
            stride(from: 40, through: bytes.byteCount - 5, by: 4).contains {
                // "kho-", "v"
                bytes.unsafeLoadUnaligned(fromByteOffset: $0, as: UInt32.self).bigEndian == 0x6B68_6F2D
                    && bytes.unsafeLoad(fromByteOffset: $0 + 4, as: UInt8.self) == 0x76
            }
        }
        return hasText ?? false
    }

    /// `totalsize` of an FDT header (`struct fdt_header`, ten big-endian words), or `nil` if it makes no sense.
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
