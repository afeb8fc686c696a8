import Dispatch
import Synchronization
import SystemPackage

/// Writes bytes to a file while the following ones are produced.
///
/// At most one piece is in flight, to limit memory use. Call `wait` before closing the file.
final class WriteBehind: Sendable {
    private let file: FileDescriptor
    private let underway = DispatchGroup()
    private let error = Mutex<Errno?>(nil)

    init(_ file: FileDescriptor) {
        self.file = file
    }

    /// Starts writing `bytes` at `offset` in the file.
    ///
    /// - Throws: An error from writing the previous bytes.
    func write(_ bytes: [UInt8], at offset: Int64) throws(Errno) {
        try wait()
        DispatchQueue.global().async(group: underway) { [self] in
            do throws(Errno) {
                try file.writeAll(bytes.span.bytes, at: offset)
            } catch {
                self.error.withLock { $0 = error }
            }
        }
    }

    /// Waits until everything is written.
    func wait() throws(Errno) {
        underway.wait()
        if let error = error.withLock({ $0 }) { throw error }
    }
}
