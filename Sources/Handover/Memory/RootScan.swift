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
    public private(set) var candidates: [PhysicalAddress] = []
    /// Whether there are more, which were left out.
    public private(set) var reachedLimit = false
    /// The bytes that should have been at hand, and could not be read.
    public private(set) var unreadableBytes: UInt64 = 0

    private static let step: UInt64 = 4096
    private static let largestPage = 65536
    /// Read at once: much, as that goes at the memory's speed, but little enough for a source that has to copy.
    private static let portion: UInt64 = 4 << 20
    private static let batch: UInt64 = 64 << 20
    /// The portions of a batch of a source that is larger are searched side by side, and are not kept at hand. A
    /// smaller one may consist of little else than a handover, which is about to be read.
    private static let large: UInt64 = 1 << 30

    /// Searches `memory`.
    ///
    /// One word of every 4 KiB is looked at, in place where the source allows it; memory that is zero without being
    /// stored is not looked at.
    ///
    /// - Parameters:
    ///   - limit: The most candidates to return.
    ///   - progress: Called now and then with the bytes that have been searched, and the bytes there are.
    public init(
        of memory: some PhysicalMemory, limit: Int = 1024,
        progress: (_ bytesDone: UInt64, _ bytesTotal: UInt64) -> Void = { _, _ in }
    ) {
        let extents = memory.storedExtents
        let total = extents.reduce(0) { $0 + ($1.upperBound.rawValue - $1.lowerBound.rawValue) }
        var done: UInt64 = 0
        var portions: [Range<UInt64>] = []
        var size: UInt64 = 0
        func searchBatch() {
            for part in Self.search(portions, of: memory, limit: limit, sideBySide: total > Self.large) {
                candidates += part.candidates
                unreadableBytes += part.unreadableBytes
            }
            done += size
            portions.removeAll(keepingCapacity: true)
            size = 0
            progress(done, total)
        }
        for extent in extents where candidates.count <= limit {
            var start = extent.lowerBound.rawValue
            let end = extent.upperBound.rawValue
            while start < end {
                // Up to the next multiple of the portion, so that no page is divided.
                let length = min(end - start, Self.portion - start % Self.portion)
                portions.append(start..<start + length)
                size += length
                start += length
                if size >= Self.batch { searchBatch() }
                if candidates.count > limit { break }
            }
        }
        if size > 0 { searchBatch() }
        if candidates.count > limit {
            candidates.removeLast(candidates.count - limit)
            reachedLimit = true
        }
    }

    /// What was found in one portion.
    private struct Part: Sendable {
        var candidates: [PhysicalAddress] = []
        var unreadableBytes: UInt64 = 0

        init(of memory: some PhysicalMemory, in portion: Range<UInt64>, limit: Int) {
            search(memory, from: portion.lowerBound, length: portion.upperBound - portion.lowerBound, limit: limit)
        }

        private mutating func search(_ memory: some PhysicalMemory, from start: UInt64, length: UInt64, limit: Int) {
            // The first multiple of the step, which may be beyond the end.
            let first = (RootScan.step - start % RootScan.step) % RootScan.step
            guard first < length else { return }
            do {
                let hits = try memory.withBytes(at: PhysicalAddress(start), count: Int(length)) { bytes in
                    // FDT_MAGIC, big-endian. A word that the end cuts off is tried by itself.
                    stride(from: Int(first), to: bytes.byteCount, by: Int(RootScan.step)).filter {
                        $0 + 4 > bytes.byteCount
                            || bytes.unsafeLoadUnaligned(fromByteOffset: $0, as: UInt32.self).bigEndian == 0xD00D_FEED
                    }
                }
                for hit in hits where candidates.count <= limit {
                    let address = PhysicalAddress(start + UInt64(hit))
                    if RootScan.isCandidate(at: address, in: memory) { candidates.append(address) }
                }
            } catch {
                // A source can lack pages in the midst of what it said it has: look at each by itself.
                guard length > RootScan.step else {
                    unreadableBytes += length
                    return
                }
                var position = start
                while position < start + length {
                    let piece = min(start + length - position, RootScan.step - position % RootScan.step)
                    search(memory, from: position, length: piece, limit: limit)
                    position += piece
                }
            }
        }
    }

    /// Searches portions, and returns what was found, in their order.
    private static func search(
        _ portions: [Range<UInt64>], of memory: some PhysicalMemory, limit: Int, sideBySide: Bool
    ) -> [Part] {
        guard sideBySide else { return portions.map { Part(of: memory, in: $0, limit: limit) } }
        return SideBySide.map(portions) { portion in
            defer { memory.release(PhysicalAddress(portion.lowerBound)..<PhysicalAddress(portion.upperBound)) }
            return Part(of: memory, in: portion, limit: limit)
        }
    }

    private static func isCandidate(at address: PhysicalAddress, in memory: some PhysicalMemory) -> Bool {
        let size = try? memory.withBytes(at: address, count: 40, plausibleSize)
        guard let size else { return false }
        // Compatible is the first property of the root node: the first page has it, where the FDT is larger.
        let pageSize = memory.statedPageSize ?? Int(step)
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
