import KernelABI
import SystemPackage

/// A file in memory, as `memfd_create` makes it.
public final class MemFD: PreservableFile {
    struct State: Sendable {
        var size: UInt64
        var position: UInt64
        /// `F_SEAL_*`.
        var seals: UInt32
        /// The pages that are not zero, by their place in the file.
        var pages: [UInt64: [UInt8]]
        /// While the file is preserved its size stays.
        var isFrozen = false
    }

    public let pageSize: PageSize
    private let state: Locked<State>

    /// - Parameters:
    ///   - contents: from the beginning of the file.
    ///   - size: in bytes; that of the contents where they are longer.
    ///   - position: where it is read and written next, in bytes.
    ///   - seals: `F_SEAL_…`, as bits.
    ///   - pageSize: the size of the kernel's pages.
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

    /// The same file, opened once more: `open("/proc/self/fd/…")`.
    public init(reopening other: MemFD) {
        pageSize = other.pageSize
        state = other.state
    }

    /// What is the same for all that opened the file.
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
    /// - Throws: `EPERM` where the file is preserved and would grow, `EFBIG` beyond the largest offset.
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

    /// At most `count` bytes from `offset`, fewer at the end of the file. Mirrors `pread(2)`.
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
