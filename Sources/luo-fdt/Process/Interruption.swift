import Dispatch
import Glibc
import Handover
import Synchronization

/// Signals that end the command while it writes.
enum Interruption {
    /// Whoever sends one of these to a command wants it to end; SIGXFSZ becomes an error of the write.
    private static let signals = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE]
    private static let sources = Mutex<[any DispatchSourceSignal]>([])

    /// From now on such a signal removes what is unfinished before it ends the process. What is ignored stays so.
    static func removesUnfinishedOutput() {
        signal(SIGXFSZ, SIG_IGN)
        sources.withLock { sources in
            guard sources.isEmpty else { return }
            for number in signals {
                var action = sigaction()
                sigaction(number, nil, &action)
                // As a handler is no value that can be compared: 1 is SIG_IGN.
                guard unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) != 1 else { continue }
                signal(number, SIG_IGN)
                let source = DispatchSource.makeSignalSource(signal: number)
                source.setEventHandler { end(by: number) }
                source.activate()
                sources.append(source)
            }
        }
    }

    private static func end(by number: CInt) -> Never {
        UnfinishedOutput.remove {
            signal(number, SIG_DFL)
            // Dispatch's threads block all signals.
            var blocked = sigset_t()
            sigaddset(&blocked, number)
            pthread_sigmask(SIG_UNBLOCK, &blocked, nil)
            raise(number)
            _exit(128 + number)
        }
    }
}
