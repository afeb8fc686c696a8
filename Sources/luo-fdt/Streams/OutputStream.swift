import Glibc
import Handover
import KernelABI
import SystemPackage

/// Standard output or standard error, written with `write(2)` in large pieces.
///
/// If the reader of a pipe goes away, the command ends quietly, as `SIGPIPE` ends others.
final class OutputStream {
    private let descriptor: FileDescriptor
    private var buffer: [UInt8] = []

    static let pieceSize = 1 << 16

    init(_ descriptor: FileDescriptor) {
        self.descriptor = descriptor
    }

    /// Standard output for a report on `inputs`. If it is one of them, reports that and ends the process.
    static func standardOutput(inputs: [FilePath]) -> OutputStream {
        do throws(OutputError) {
            _ = try Destination("-", inputs: inputs)
        } catch {
            Diagnostics.report("\(error)")
            exit(ExitStatus.unreadable.rawValue)
        }
        return OutputStream(.standardOutput)
    }

    var isTerminal: Bool { isatty(descriptor.rawValue) != 0 }

    /// The number of columns, if the stream is a terminal that reports it.
    var terminalWidth: Int? {
        var size = winsize()
        guard isTerminal, ioctl(descriptor.rawValue, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
        return Int(size.ws_col)
    }

    /// Whether anything has been written yet.
    private(set) var hasWritten = false

    /// Writes text that may quote an image; see ``ImageText/visible(_:inLine:)``.
    func write(_ text: String) {
        buffer.append(contentsOf: ImageText.visible(text).utf8)
        if buffer.count >= Self.pieceSize { flush() }
    }

    /// Pieces that are already large are written directly.
    func write(_ bytes: borrowing [UInt8]) {
        if bytes.count >= Self.pieceSize {
            flush()
            send(bytes)
        } else {
            buffer.append(contentsOf: copy bytes)
            if buffer.count >= Self.pieceSize { flush() }
        }
    }

    /// Writes a JSON document.
    func writeJSON(_ body: (inout DocumentWriter) -> Void) {
        var writer = DocumentWriter { [self] in write($0) }
        body(&writer)
        writer.finish()
    }

    func flush() {
        send(buffer)
        buffer.removeAll(keepingCapacity: true)
    }

    private func send(_ bytes: borrowing [UInt8]) {
        guard !bytes.isEmpty else { return }
        hasWritten = true
        do throws(Errno) {
            try descriptor.writeAll(bytes.span.bytes)
        } catch {
            // Failing to write to standard error is no reason to stop.
            if descriptor == .standardError { return }
            if error == .brokenPipe { exit(ExitStatus.fine.rawValue) }
            Diagnostics.report("standard output: \(error)")
            exit(ExitStatus.unreadable.rawValue)
        }
    }
}
