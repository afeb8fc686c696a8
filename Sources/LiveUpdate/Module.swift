/// The code of a handler or an FLB, which must stay loaded while it is in use.
///
/// Mirrors the kernel's `struct module`, as far as `try_module_get` and `module_put` need it.
public final class Module: Sendable {
    public let name: String
    private let state = Locked<(references: Int, isUnloading: Bool)>((0, false))

    public init(name: String) {
        self.name = name
    }

    private var label: String { "the module of \(name)" }

    /// The number of references.
    public var references: Int { state.withLock { $0.references } }

    /// Sets whether the module is going away; if so, no new references are given.
    public func setUnloading(_ isUnloading: Bool) {
        RaceSide.use(label)
        state.withLock { $0.isUnloading = isUnloading }
    }

    /// Takes a reference, unless the module is going away. Mirrors `try_module_get`.
    func tryGet() -> Bool {
        RaceSide.use(label, isWrite: false)
        return state.withLock { state in
            guard !state.isUnloading else { return false }
            state.references += 1
            return true
        }
    }

    /// Drops a reference. Mirrors `module_put`.
    func put() {
        state.withLock { $0.references -= 1 }
    }
}

extension Optional where Wrapped == Module {
    /// Built-in code has no module, and is always available.
    func tryGet() -> Bool { self?.tryGet() ?? true }
    func put() { self?.put() }
}
