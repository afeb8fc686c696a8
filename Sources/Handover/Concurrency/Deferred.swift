import Dispatch
import Synchronization

/// A value that is made while its owner does something else; whoever asks for it waits until it is there.
final class Deferred<Value: Sendable>: Sendable {
    private let underway = DispatchGroup()
    private let made = Mutex<Value?>(nil)
    private let make: @Sendable () -> Value

    /// - Parameter inBackground: whether to make the value on another processor, which is for what takes much longer
    ///   than to start a thread, a tenth of a millisecond. Otherwise it is made at once.
    init(inBackground: Bool, _ make: @escaping @Sendable () -> Value) {
        self.make = make
        if inBackground {
            DispatchQueue.global().async(group: underway) { [self] in
                let value = make()
                made.withLock { $0 = value }
            }
        } else {
            let value = make()
            made.withLock { $0 = value }
        }
    }

    var value: Value {
        underway.wait()
        return made.withLock { $0 } ?? make()
    }
}
