import KernelABI
import SystemPackage

/// A file in memory, as created by `memfd_create`.
public final class MemFD: PreservableFile {
    struct State: Sendable {
        var size: UInt64
        var position: UInt64
        /// `F_SEAL_*`.
        var seals: UInt32
        /// The nonzero pages, by index in the file.
        var pages: [UInt64: [UInt8]]
        /// Whether the file is preserved, which fixes its size.
        var isFrozen = false
    }

    public let pageSize: PageSize
    private let state: Locked<State>

    /// - Parameters:
    ///   - contents: The beginning of the file.
    ///   - size: The size in bytes; that of the contents if they are longer.
    ///   - position: The file position in bytes.
    ///   - seals: `F_SEAL_…`, as bits.
    ///   - pageSize: The kernel's page size.
    public init(
        contents: [UInt8] = [], size: UInt64 = 0, position: UInt64 = 0, seals: UInt32 = 0, pageSize: PageSize = .kib4
    ) {
        self.pageSize = pageSize
        state = Locked(
            State(
                size: max(size, UInt64(contents.count)), position: position, seals: seals,
                pages: Self.pages(of: contents, pageSize)))
    }

    init(_ state: State, pageSize: PageSize) {
        self.pageSize = pageSize
        self.state = Locked(state)
    }

    /// The same file, opened again: `open("/proc/self/fd/…")`.
    public init(reopening other: MemFD) {
        pageSize = other.pageSize
        state = other.state
    }

    /// The identity that all open instances of the file share.
    var inode: ObjectIdentifier { ObjectIdentifier(state) }

    private static func pages(of contents: [UInt8], _ pageSize: PageSize) -> [UInt64: [UInt8]] {
        var pages: [UInt64: [UInt8]] = [:]
        for (index, start) in stride(from: 0, to: contents.count, by: pageSize.bytes).enumerated() {
            pages[UInt64(index)] = Array(contents[start..<min(start + pageSize.bytes, contents.count)])
        }
        return pages
    }

    func withState<Result>(_ body: (inout State) -> Result) -> Result {
        state.withLock { body(&$0) }
    }

    /// The size in bytes.
    public var size: UInt64 { state.withLock { $0.size } }

    /// The file position in bytes.
    public var position: UInt64 {
        get { state.withLock { $0.position } }
        set { state.withLock { $0.position = newValue } }
    }

    public var seals: UInt32 { state.withLock { $0.seals } }

    /// Writes bytes at `offset`. Mirrors `pwrite(2)`.
    ///
    /// - Throws: `EPERM` if the file is preserved and would grow, `EFBIG` beyond the maximum offset.
    public func write(_ bytes: [UInt8], at offset: UInt64) throws(Errno) {
        let (end, overflow) = offset.addingReportingOverflow(UInt64(bytes.count))
        guard !overflow, end <= UInt64(Int64.max) else { throw .fileTooLarge }
        try state.withLock { state throws(Errno) in
            guard !state.isFrozen || end <= state.size else { throw .notPermitted }
            var position = offset
            var rest = bytes[...]
            while !rest.isEmpty {
                let start = Int(position % UInt64(pageSize.bytes))
                let piece = rest.prefix(pageSize.bytes - start)
                var page = state.pages[position / UInt64(pageSize.bytes)] ?? []
                page += repeatElement(0, count: max(0, start + piece.count - page.count))
                page.replaceSubrange(start..<start + piece.count, with: piece)
                state.pages[position / UInt64(pageSize.bytes)] = page
                position += UInt64(piece.count)
                rest = rest.dropFirst(piece.count)
            }
            state.size = max(state.size, end)
        }
    }

    /// Reads at most `count` bytes from `offset`, fewer at the end of the file. Mirrors `pread(2)`.
    public func read(at offset: UInt64 = 0, count: Int) -> [UInt8] {
        state.withLock { state in
            guard count > 0, offset < state.size else { return [] }
            let count = Int(min(UInt64(count), state.size - offset))
            var bytes: [UInt8] = []
            bytes.reserveCapacity(count)
            while bytes.count < count {
                let position = offset + UInt64(bytes.count)
                let start = Int(position % UInt64(pageSize.bytes))
                let length = min(pageSize.bytes - start, count - bytes.count)
                let page = state.pages[position / UInt64(pageSize.bytes)] ?? []
                let stored = page.dropFirst(start).prefix(length)
                bytes += stored
                bytes += repeatElement(0, count: length - stored.count)
            }
            return bytes
        }
    }
}
