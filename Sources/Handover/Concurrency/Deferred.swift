import Dispatch
import Synchronization

/// A value that is made once, when it is asked for or before; whoever asks while it is being made waits.
final class Deferred<Value: Sendable>: Sendable {
    private let made = Mutex<Value?>(nil)
    private let make: @Sendable () -> Value

    /// - Parameter inBackground: whether to begin at once on another processor, which is for what takes much longer
    ///   than to start a thread, a tenth of a millisecond.
    init(inBackground: Bool, _ make: @escaping @Sendable () -> Value) {
        self.make = make
        if inBackground { DispatchQueue.global().async { [self] in _ = value } }
    }

    var value: Value {
        made.withLock { made in
            if let made { return made }
            let value = make()
            made = value
            return value
        }
    }
}
