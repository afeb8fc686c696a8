import KernelABI

/// Scans every page of physical memory for pages that match a condition.
struct PageScan: Sendable {
    /// The addresses of the matching pages, ascending.
    private(set) var hits: [PhysicalAddress] = []
    /// Whether there are more, which are omitted.
    private(set) var reachedLimit = false
    /// The number of bytes that should be available but could not be read.
    private(set) var unreadableBytes: UInt64 = 0
    /// The address of the first of them.
    private(set) var firstUnreadable: PhysicalAddress?

    /// The number of bytes to read at once: large, to reach memory speed, but small enough for a source that has to
    /// copy.
    private static let portion: UInt64 = 4 << 20
    /// The chunks of a batch are searched in parallel, if there is more than one batch.
    private static let batch: UInt64 = 64 << 20
    /// From larger sources, what has been searched is released, to avoid filling a crash kernel's memory. That takes
    /// longer than the search: the processors have to drop the pages from their TLBs, and reading maps them again.
    private static let held = machineMemory / 64

    /// Scans `memory`, in place if the source allows it; skips zero memory that is not stored.
    ///
    /// - Parameters:
    ///   - pageSize: The alignment of all pages, in bytes.
    ///   - limit: The maximum number of hits to return.
    ///   - progress: Called regularly with the number of bytes searched so far, and in total.
    ///   - isHit: Whether a page matches. At the end of a memory range, it may be shorter than a page.
    init(
        of memory: some PhysicalMemory, pageSize: Int, limit: Int,
        progress: (_ bytesDone: UInt64, _ bytesTotal: UInt64) -> Void,
        where isHit: @Sendable (_ page: RawSpan, _ address: PhysicalAddress) -> Bool
    ) {
        let extents = memory.storedExtents
        let total = extents.byteCount
        var done: UInt64 = 0
        var portions: [Range<UInt64>] = []
        var size: UInt64 = 0
        func searchBatch() {
            let sideBySide = total > Self.batch
            @Sendable func part(_ portion: Range<UInt64>) -> Part {
                defer {
                    // Release what has been searched, to avoid filling a crash kernel's memory.
                    if total > Self.held {
                        memory.release(PhysicalAddress(portion.lowerBound)..<PhysicalAddress(portion.upperBound))
                    }
                }
                return Part(of: memory, in: portion, step: UInt64(pageSize), limit: limit, where: isHit)
            }
            for part in sideBySide ? SideBySide.map(portions, part) : portions.map(part) {
                hits += part.hits
                unreadableBytes += part.unreadableBytes
                firstUnreadable = firstUnreadable ?? part.firstUnreadable
            }
            done += size
            portions.removeAll(keepingCapacity: true)
            size = 0
            progress(done, total)
        }
        for extent in extents where hits.count <= limit {
            var start = extent.lowerBound.rawValue
            let end = extent.upperBound.rawValue
            while start < end {
                // Up to the next multiple of the chunk size, so that no page is split.
                let length = min(end - start, Self.portion - start % Self.portion)
                portions.append(start..<start + length)
                size += length
                start += length
                if size >= Self.batch { searchBatch() }
                if hits.count > limit { break }
            }
        }
        if size > 0 { searchBatch() }
        if hits.count > limit {
            hits.removeLast(hits.count - limit)
            reachedLimit = true
        }
    }

    /// The result for one chunk.
    private struct Part: Sendable {
        var hits: [PhysicalAddress] = []
        var unreadableBytes: UInt64 = 0
        var firstUnreadable: PhysicalAddress?

        init(
            of memory: some PhysicalMemory, in portion: Range<UInt64>, step: UInt64, limit: Int,
            where isHit: (RawSpan, PhysicalAddress) -> Bool
        ) {
            search(
                memory, from: portion.lowerBound, length: portion.upperBound - portion.lowerBound, step: step,
                limit: limit, where: isHit)
        }

        private mutating func search(
            _ memory: some PhysicalMemory, from start: UInt64, length: UInt64, step: UInt64, limit: Int,
            where isHit: (RawSpan, PhysicalAddress) -> Bool
        ) {
            // The first multiple of the step, which may be past the end.
            let first = (step - start % step) % step
            guard first < length else { return }
            do {
                let found = try memory.withBytes(at: PhysicalAddress(start), count: Int(length)) { bytes in
                    stride(from: Int(first), to: bytes.byteCount, by: Int(step)).filter { offset in
                        isHit(
                            bytes.extracting(offset..<min(offset + Int(step), bytes.byteCount)),
                            PhysicalAddress(start + UInt64(offset)))
                    }
                }
                hits += found.prefix(limit + 1 - min(hits.count, limit + 1)).map { PhysicalAddress(start + UInt64($0)) }
            } catch {
                // A source may lack pages within ranges that it states to have: try each page separately.
                guard length > step else {
                    unreadableBytes += length
                    firstUnreadable = firstUnreadable ?? PhysicalAddress(start)
                    return
                }
                var position = start
                while position < start + length {
                    let piece = min(start + length - position, step - position % step)
                    search(memory, from: position, length: piece, step: step, limit: limit, where: isHit)
                    position += piece
                }
            }
        }
    }
}
