import KernelABI

/// Writes the contents of a preserved file to a file or stream.
public struct ContentsOutput: Sendable {
    private let map: ContentsMap
    private let size: UInt64
    private let pageSize: PageSize
    private let memory: any PhysicalMemory
    /// Whether bytes without a folio are unknown: folios are missing from the list, or the list does not omit holes.
    private let isIncomplete: Bool

    public init(of file: FileContents, in state: HandoverState, memory: any PhysicalMemory) {
        let pageSize = state.pageSize ?? .kib4
        self.init(of: file, FolioSizes(preserved: state.preserved, pageSize: pageSize), pageSize, memory: memory)
    }

    init(of file: FileContents, _ sizes: FolioSizes, _ pageSize: PageSize, memory: any PhysicalMemory) {
        self.pageSize = pageSize
        map = ContentsMap(of: file, sizes, pageSize: pageSize)
        size = file.size ?? 0
        isIncomplete = file.isIncomplete
        self.memory = memory
    }

    /// The chunk size for reading, in bytes.
    private static let portion: UInt64 = 1 << 20

    /// Writes the contents. In a file, zeros and holes become holes.
    ///
    /// - Returns: The ranges of the file that are not available, and are zero in the output.
    public func write(to destination: Destination) throws(OutputError) -> [Range<UInt64>] {
        try destination.write { (file) throws(OutputError) in
            if !file.isStream { try file.resize(to: size) }
            var writer = Writer(file: file, pageSize: pageSize)
            for run in map.runs { try write(run, to: &writer) }
            try writer.skip(to: size, isMissing: isIncomplete)
            return writer.missing
        }
    }

    /// Writes the part of a run that follows what is already written.
    private func write(_ run: ContentsMap.Run, to writer: inout Writer) throws(OutputError) {
        let (start, overflow) = run.index.multipliedReportingOverflow(by: UInt64(pageSize.bytes))
        guard !overflow, start < size, let addresses = map.addresses(of: run) else { return }
        let end = start + min(size - start, addresses.upperBound.rawValue - addresses.lowerBound.rawValue)
        guard end > writer.offset else { return }
        try writer.skip(to: max(start, writer.offset), isMissing: isIncomplete)
        /// The address for an offset in the file, and the reverse.
        func address(_ place: UInt64) -> PhysicalAddress {
            PhysicalAddress(addresses.lowerBound.rawValue + place - start)
        }
        func place(_ address: PhysicalAddress) -> UInt64 { start + (address.rawValue - addresses.lowerBound.rawValue) }
        for piece in (address(writer.offset)..<address(end)).pieces(in: memory.regions) {
            try writer.skip(to: place(piece.lowerBound), isMissing: true)
            let end = place(piece.upperBound)
            while writer.offset < end {
                let count = min(Self.portion, end - writer.offset)
                try writer.write(count, of: memory, at: address(writer.offset))
            }
        }
        try writer.skip(to: end, isMissing: true)
    }
}

/// Writes a file's contents from beginning to end.
private struct Writer {
    let file: OutputFile
    let pageSize: PageSize
    /// The offset of the next byte.
    private(set) var offset: UInt64 = 0
    /// The bytes that were not available.
    private(set) var missing: [Range<UInt64>] = []

    init(file: OutputFile, pageSize: PageSize) {
        self.file = file
        self.pageSize = pageSize
    }

    /// Leaves zeros up to `end`.
    ///
    /// - Parameter isMissing: Whether the actual contents are unknown.
    mutating func skip(to end: UInt64, isMissing: Bool = false) throws(OutputError) {
        guard end > offset else { return }
        if isMissing { note(offset..<end) }
        if file.isStream {
            let zeros = [UInt8](repeating: 0, count: Int(min(end - offset, 1 << 20)))
            while offset < end {
                let count = min(end - offset, UInt64(zeros.count))
                try file.append(zeros.span.bytes.extracting(first: Int(count)))
                offset += count
            }
        }
        offset = end
    }

    /// Writes the bytes at `address`.
    mutating func write(
        _ count: UInt64, of memory: any PhysicalMemory, at address: PhysicalAddress
    ) throws(OutputError) {
        let written: Result<Void, OutputError>
        do throws(MemoryError) {
            written = try memory.withBytes(at: address, count: Int(count)) { bytes in
                Result { () throws(OutputError) in
                    if file.isStream { try file.append(bytes) } else { try writeNonZero(bytes) }
                }
            }
        } catch {
            let page = UInt64(pageSize.bytes)
            if count > page {
                // Pages around an unreadable page are not lost with it.
                for done in stride(from: 0, to: count, by: Int(page)) {
                    try write(
                        min(page, count - done), of: memory, at: PhysicalAddress(address.rawValue + done))
                }
                return
            }
            return try skip(to: offset + count, isMissing: true)
        }
        try written.get()
        offset += count
        memory.release(address..<PhysicalAddress(address.rawValue + count))
    }

    private mutating func note(_ range: Range<UInt64>) {
        if let last = missing.last, last.upperBound == range.lowerBound {
            missing[missing.count - 1] = last.lowerBound..<range.upperBound
        } else {
            missing.append(range)
        }
    }

    /// Writes the pages of `bytes` that are not all zero; adjacent ones together.
    private func writeNonZero(_ bytes: RawSpan) throws(OutputError) {
        func write(_ pages: Range<Int>) throws(OutputError) {
            if !pages.isEmpty { try file.write(bytes.extracting(pages), at: offset + UInt64(pages.lowerBound)) }
        }
        var pages = 0..<0
        for start in stride(from: 0, to: bytes.byteCount, by: pageSize.bytes) {
            let end = min(bytes.byteCount, start + pageSize.bytes)
            if bytes.extracting(start..<end).firstNonzeroByte == nil {
                try write(pages)
                pages = end..<end
            } else {
                pages = pages.lowerBound..<end
            }
        }
        try write(pages)
    }
}
