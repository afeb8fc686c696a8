import SystemPackage

/// What a kernel tells its observer, and which of its warnings it has given.
final class KernelLog: Sendable {
    private let observer: Observer?
    private let given = Locked<Set<String>>([])

    init(_ observer: Observer?) {
        self.observer = observer
    }

    func report(_ event: Event) {
        observer?(event)
    }

    /// Mirrors `pr_warn` and the like.
    func message(_ text: String) {
        report(.message(text))
    }

    /// Mirrors `WARN_ON`.
    func warn(_ text: String) {
        report(.warning(text))
    }

    /// Says why the kernel crashes, for the caller to throw.
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
