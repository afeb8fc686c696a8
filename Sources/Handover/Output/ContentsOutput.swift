import KernelABI
import SystemPackage

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Writes the contents of a preserved memfd to a file.
public struct ContentsOutput: Sendable {
    private let map: ContentsMap
    private let size: UInt64
    private let pageSize: PageSize
    private let memory: any PhysicalMemory

    public init(of memfd: MemFDState, in state: HandoverState, memory: any PhysicalMemory) {
        pageSize = PageSize(rawValue: state.pageSize) ?? .kib4
        map = ContentsMap(of: memfd, preserved: state.preserved, pageSize: pageSize)
        size = memfd.size ?? 0
        self.memory = memory
    }

    /// How much is read at once, in bytes.
    private static let portion: UInt64 = 1 << 20

    /// Writes the contents to a new file; what is zero, or a hole, becomes a hole.
    ///
    /// - Returns: the bytes of the memfd that are not at hand, and are a hole in the file.
    public func write(to path: FilePath) throws(OutputError) -> [Range<UInt64>] {
        try OutputForm.withNewFile(path) { (file) throws(OutputError) in try write(to: file, path: path) }
    }

    private func write(to file: FileDescriptor, path: FilePath) throws(OutputError) -> [Range<UInt64>] {
        guard let length = Int64(exactly: size), ftruncate(file.rawValue, off_t(length)) == 0 else {
            throw .file(path, Errno(rawValue: size > UInt64(Int64.max) ? EFBIG : errno))
        }
        var missing: [Range<UInt64>] = []
        let regions = memory.regions
        for run in map.runs {
            let (start, overflow) = run.index.multipliedReportingOverflow(by: UInt64(pageSize.bytes))
            guard !overflow, start < size, let addresses = map.addresses(of: run) else { continue }
            let length = min(size - start, addresses.upperBound.rawValue - addresses.lowerBound.rawValue)
            let wanted = addresses.lowerBound..<PhysicalAddress(addresses.lowerBound.rawValue + length)
            /// The place in the file of an address.
            func place(_ address: PhysicalAddress) -> UInt64 { start + (address.rawValue - wanted.lowerBound.rawValue) }
            var cursor = wanted.lowerBound
            for piece in wanted.pieces(in: regions) {
                note(place(cursor)..<place(piece.lowerBound), in: &missing)
                var address = piece.lowerBound
                while address < piece.upperBound {
                    let count = min(Self.portion, piece.upperBound.rawValue - address.rawValue)
                    try write(count, from: address, to: file, at: place(address), path, &missing)
                    address = PhysicalAddress(address.rawValue + count)
                }
                cursor = piece.upperBound
            }
            note(place(cursor)..<place(wanted.upperBound), in: &missing)
        }
        return missing
    }

    private func note(_ range: Range<UInt64>, in missing: inout [Range<UInt64>]) {
        if range.isEmpty { return }
        if let last = missing.last, last.upperBound == range.lowerBound {
            missing[missing.count - 1] = last.lowerBound..<range.upperBound
        } else {
            missing.append(range)
        }
    }

    private func write(
        _ count: UInt64, from address: PhysicalAddress, to file: FileDescriptor, at place: UInt64, _ path: FilePath,
        _ missing: inout [Range<UInt64>]
    ) throws(OutputError) {
        let written: Result<Void, Errno>
        do throws(MemoryError) {
            written = try memory.withBytes(at: address, count: Int(count)) { bytes in
                Result { () throws(Errno) in try writeNonZero(bytes, to: file, at: place) }
            }
        } catch {
            // What a source lists, it need not be able to read.
            return note(place..<place + count, in: &missing)
        }
        if case .failure(let error) = written { throw .file(path, error) }
        memory.release(address..<PhysicalAddress(address.rawValue + count))
    }

    /// Writes the pages of `bytes` that are not all zero, those that adjoin at once.
    private func writeNonZero(_ bytes: RawSpan, to file: FileDescriptor, at place: UInt64) throws(Errno) {
        func write(_ pages: Range<Int>) throws(Errno) {
            if !pages.isEmpty { try file.writeAll(bytes.extracting(pages), at: Int64(place) + Int64(pages.lowerBound)) }
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
