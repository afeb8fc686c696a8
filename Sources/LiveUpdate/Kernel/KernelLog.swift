import SystemPackage

/// Reports to a kernel's observer, and tracks which one-time warnings were given.
final class KernelLog: Sendable {
    private let observer: Observer?
    private let given = Locked<Set<String>>([])

    init(_ observer: Observer?) {
        self.observer = observer
    }

    func report(_ event: Event) {
        observer?(event)
    }

    /// Mirrors `pr_warn` and similar functions.
    func message(_ text: String) {
        report(.message(text))
    }

    /// Mirrors `WARN_ON`.
    func warn(_ text: String) {
        report(.warning(text))
    }

    /// Reports why the kernel crashes, and returns the error for the caller to throw.
    func crash(_ reason: String) -> Errno {
        warn("BUG: \(reason)")
        return .crashed
    }

    /// Mirrors `WARN_ONCE`.
    func warnOnce(_ text: String) {
        RaceSide.use("whether the kernel has warned of \(text)")
        if given.withLock({ $0.insert(text).inserted }) { warn(text) }
    }
}
