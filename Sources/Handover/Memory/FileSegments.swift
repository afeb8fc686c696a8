import KernelABI

/// Memory stored in segments of a file.
///
/// - If segments overlap, the first one is read.
/// - Holes in the file, and segments without an offset, read as zero and are not stored.
struct FileSegments: PhysicalMemory {
    let regions: [Range<PhysicalAddress>]

    private let file: MappedFile
    private let segments: ExtentTable<Segment>

    /// Memory that is contiguous in the file, or zero.
    struct Segment: MemoryExtent, Sendable {
        var range: Range<PhysicalAddress>
        /// The offset in the file; `nil` if the memory is zero.
        var offset: UInt64?

        /// The file offset of the byte at `address`, which is in the segment.
        fileprivate func offset(of address: PhysicalAddress) -> UInt64? {
            offset.map { $0 + (address.rawValue - range.lowerBound.rawValue) }
        }
    }

    /// - Parameter segments: In any order; each within `file`.
    init(_ segments: [Segment], of file: MappedFile) {
        var pieces: [Segment] = []
        func append(_ range: Range<PhysicalAddress>, _ offset: UInt64?) {
            if let last = pieces.last, last.range.upperBound == range.lowerBound,
                offset == last.offset(of: last.range.upperBound)
            {
                pieces[pieces.count - 1].range = last.range.lowerBound..<range.upperBound
            } else if !range.isEmpty {
                pieces.append(Segment(range: range, offset: offset))
            }
        }
        let stored = file.dataRanges
        for extent in resolveOverlaps(segments.map(\.range)) {
            let start = extent.range.lowerBound.rawValue
            guard let offset = segments[extent.owner].offset(of: extent.range.lowerBound) else {
                append(extent.range, nil)
                continue
            }
            // The file's data in the segment, and zeros before, between and after it.
            let end = offset + (extent.range.upperBound.rawValue - start)
            func addresses(_ from: UInt64, _ to: UInt64) -> Range<PhysicalAddress> {
                PhysicalAddress(start + (from - offset))..<PhysicalAddress(start + (to - offset))
            }
            var position = offset
            let first = stored.partitioningIndex { $0.upperBound > offset }
            for range in stored[first...].prefix(while: { $0.lowerBound < end }) {
                let data = range.clamped(to: offset..<end)
                append(addresses(position, data.lowerBound), nil)
                append(addresses(data.lowerBound, data.upperBound), data.lowerBound)
                position = data.upperBound
            }
            append(addresses(position, end), nil)
        }
        self.file = file
        self.segments = ExtentTable(pieces)
        regions = mergeAdjacent(pieces.lazy.map(\.range))
    }

    var storedExtents: [Range<PhysicalAddress>] {
        segments.compactMap { $0.offset == nil ? nil : $0.range }
    }

    func withBytes<Result>(
        at address: PhysicalAddress, count: Int, _ body: (RawSpan) -> Result
    ) throws(MemoryError) -> Result {
        guard count >= 0, let end = address.advanced(by: UInt64(count)) else {
            throw .notAvailable(address: address, count: count)
        }
        if count == 0 { return body([UInt8]().span.bytes) }
        guard let indices = segments.indices(covering: address..<end) else {
            throw .notAvailable(address: address, count: count)
        }
        if indices.count == 1 {
            return try withBytes(of: segments[indices.lowerBound], at: address, count: count, body)
        }
        if count > CopiedRead.limit { throw CopiedRead.tooLong(address, count) }
        var copy: [UInt8] = []
        copy.reserveCapacity(count)
        for segment in segments[indices] {
            let part = segment.range.clamped(to: address..<end)
            let length = Int(part.upperBound.rawValue - part.lowerBound.rawValue)
            try withBytes(of: segment, at: part.lowerBound, count: length) { copy.append(copying: $0) }
        }
        return body(copy.span.bytes)
    }

    func release(_ range: Range<PhysicalAddress>) {
        let first = segments.firstIndex(endingBehind: range.lowerBound)
        for segment in segments[first...].prefix(while: { $0.range.lowerBound < range.upperBound }) {
            let part = segment.range.clamped(to: range)
            guard let offset = segment.offset(of: part.lowerBound) else { continue }
            file.release(at: offset, count: part.upperBound.rawValue - part.lowerBound.rawValue)
        }
    }

    /// Reads within one segment.
    private func withBytes<Result>(
        of segment: Segment, at address: PhysicalAddress, count: Int, _ body: (RawSpan) -> Result
    ) throws(MemoryError) -> Result {
        guard let offset = segment.offset(of: address) else {
            return try CopiedRead.withZeroes(at: address, count: count, body)
        }
        return try rethrow(file.withBytes(at: offset, count: count, body)) { (error: FileError) in
            MemoryError.unreadable(address: address, count: count, reason: "\(error)")
        }
    }
}
