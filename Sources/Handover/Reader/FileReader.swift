import KernelABI

/// Takes in the records of a session's files.
///
/// There can be a million, and nearly all of a session name the same handler: its name is held once.
struct FileReader {
    var files: [FileState] = []
    /// Where each run of files that name the same handler begins.
    private(set) var runs: [Int] = []
    private var handler = KernelString(bytes: [])
    private let layout = FileLayout.layout

    /// No room is made for more than this before there is a record: the number that is stated may mean nothing.
    private static let mostExpected: UInt64 = 4096

    init(expecting count: UInt64) {
        files.reserveCapacity(Int(min(count, Self.mostExpected)))
    }

    mutating func add(_ bytes: RawSpan, at base: Int) {
        if files.isEmpty || !layout.compatible.holds(handler, bytes, at: base) {
            handler = layout.compatible.read(bytes, at: base)
            runs.append(files.count)
        }
        files.append(
            FileState(
                token: layout.token.read(bytes, at: base), compatible: handler,
                data: layout.data.read(bytes, at: base)))
    }
}
