import Dispatch
import Synchronization
import SystemPackage

/// Writes bytes to a file while those that follow are made.
///
/// One piece is on its way at a time, so that little is held. Whoever closes the file has to wait for it.
final class WriteBehind: Sendable {
    private let file: FileDescriptor
    private let underway = DispatchGroup()
    private let error = Mutex<Errno?>(nil)

    init(_ file: FileDescriptor) {
        self.file = file
    }

    /// Begins to write `bytes` at `offset` in the file.
    ///
    /// - Throws: what went wrong with the bytes before these.
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

    /// Waits until all is written.
    func wait() throws(Errno) {
        underway.wait()
        if let error = error.withLock({ $0 }) { throw error }
    }
}
