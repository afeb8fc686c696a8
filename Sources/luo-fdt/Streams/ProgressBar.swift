import Handover
import SystemPackage

/// Shows the progress of searching a large image on a terminal.
final class ProgressBar {
    private let stream = OutputStream(.standardError)
    private var shown = -1

    /// Smaller images are searched before anyone could read a progress bar.
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

    /// Clears the bar.
    func finish() {
        guard shown >= 0 else { return }
        stream.write(Array("\r\u{1b}[K".utf8))
        stream.flush()
    }

    /// Shows the progress of a long search while `read` reads an input; `read` receives the function to report progress
    /// to.
    static func whileReading<Result>(
        _ read: (_ progress: @escaping (UInt64, UInt64) -> Void) throws(InputError) -> Result
    ) throws(InputError) -> Result {
        let bar = ProgressBar()
        defer { bar.finish() }
        return try read { bar.update($0, of: $1) }
    }
}

extension HandoverInput {
    /// Reads an input, showing the progress of a long search.
    static func read(_ path: FilePath, _ options: InputOptions) throws(InputError) -> HandoverInput {
        try ProgressBar.whileReading { (progress) throws(InputError) in
            try HandoverInput(path, options: options, progress: progress)
        }
    }
}
