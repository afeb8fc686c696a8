import KernelABI
import Synchronization

/// Shows a guest's console on a terminal, each line replacing the one before.
final class BootProgress: Sendable {
    private let isShown = Mutex(false)

    private static let defaultWidth = 80

    func update(_ line: String) {
        let stream = OutputStream(.standardError)
        guard stream.isTerminal else { return }
        let width = max(1, (stream.terminalWidth ?? Self.defaultWidth) - 1)
        isShown.withLock { $0 = true }
        stream.write("\r\u{1b}[K" + ImageText.visible(line, inLine: true).prefix(width))
        stream.flush()
    }

    /// Clears the line.
    func finish() {
        let wasShown = isShown.withLock { isShown in
            defer { isShown = false }
            return isShown
        }
        guard wasShown else { return }
        let stream = OutputStream(.standardError)
        stream.write("\r\u{1b}[K")
        stream.flush()
    }
}
