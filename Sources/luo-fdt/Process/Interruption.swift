import Dispatch
import Glibc
import Handover
import Synchronization

/// Handles signals that end the command while it writes.
enum Interruption {
    /// Signals sent to end a command. SIGXFSZ instead becomes a write error.
    private static let signals = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE]
    private static let sources = Mutex<[any DispatchSourceSignal]>([])

    /// From now on, these signals remove unfinished output before they end the process. Ignored signals stay ignored.
    static func removesUnfinishedOutput() {
        signal(SIGXFSZ, SIG_IGN)
        sources.withLock { sources in
            guard sources.isEmpty else { return }
            for number in signals {
                var action = sigaction()
                sigaction(number, nil, &action)
                // The handler cannot be compared as a function: SIG_IGN is 1.
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
