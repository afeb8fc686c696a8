import KernelABI

/// A look at every page of physical memory for those that may be something.
struct PageScan: Sendable {
    /// Where the pages are, ascending.
    private(set) var hits: [PhysicalAddress] = []
    /// Whether there are more, which were left out.
    private(set) var reachedLimit = false
    /// The bytes that should have been available, and could not be read.
    private(set) var unreadableBytes: UInt64 = 0
    /// Where the first of them are.
    private(set) var firstUnreadable: PhysicalAddress?

    /// Read at once: much, as that goes at the memory's speed, but little enough for a source that has to copy.
    private static let portion: UInt64 = 4 << 20
    /// The portions of a batch are searched side by side, where there is more than one batch.
    private static let batch: UInt64 = 64 << 20
    /// Of a source that is larger, what has been searched is let go, lest it fill a crash kernel's memory. That takes
    /// longer than the search: the processors have to forget the pages, and reading maps them again.
    private static let held = machineMemory / 64

    /// Looks at `memory`, in place where the source allows it; memory that is zero without being stored is passed over.
    ///
    /// - Parameters:
    ///   - pageSize: A multiple of which every page begins at, in bytes.
    ///   - limit: The most hits to return.
    ///   - progress: Called now and then with the bytes that have been searched, and the bytes there are.
    ///   - isHit: Whether a page may be it. The last bytes of a range of memory can be less than a page.
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
                    // What has been searched is not held, lest it fill the memory of a crash kernel.
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
                // Up to the next multiple of the portion, so that no page is divided.
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

    /// What was found in one portion.
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
            // The first multiple of the step, which may be beyond the end.
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
                // A source can lack pages in the midst of what it said it has: look at each by itself.
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
