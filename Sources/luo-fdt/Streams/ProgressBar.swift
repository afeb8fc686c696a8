import Handover
import SystemPackage

/// Shows on a terminal how far the search of a large image is.
final class ProgressBar {
    private let stream = OutputStream(.standardError)
    private var shown = -1

    /// Images up to this size are searched before anyone could read a bar.
    private static let leastSize: UInt64 = 256 << 20
    private static let width = 40

    func update(_ done: UInt64, of total: UInt64) {
        guard total > Self.leastSize, stream.isTerminal else { return }
        let percent = Int(done / max(1, total / 100))
        guard percent != shown else { return }
        shown = percent
        let filled = min(Self.width, percent * Self.width / 100)
        let bar = String(repeating: "━", count: filled) + String(repeating: " ", count: Self.width - filled)
        stream.write(Array("\rsearching for the root FDT \(bar) \(min(percent, 100)) %".utf8))
        stream.flush()
    }

    /// Removes the bar.
    func finish() {
        guard shown >= 0 else { return }
        stream.write(Array("\r\u{1b}[K".utf8))
        stream.flush()
    }

    /// Shows how far a long search has come while `read`, which is given what to report that to, reads an input.
    static func whileReading<Result>(
        _ read: (_ progress: @escaping (UInt64, UInt64) -> Void) throws(InputError) -> Result
    ) throws(InputError) -> Result {
        let bar = ProgressBar()
        defer { bar.finish() }
        return try read { bar.update($0, of: $1) }
    }
}

extension HandoverInput {
    /// Reads an input; shows how far a long search has come.
    static func read(_ path: FilePath, _ options: InputOptions) throws(InputError) -> HandoverInput {
        try ProgressBar.whileReading { (progress) throws(InputError) in
            try HandoverInput(path, options: options, progress: progress)
        }
    }
}
