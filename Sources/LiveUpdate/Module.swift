/// The code that a handler or an FLB is made of, and which must not go away while it is in use.
///
/// Mirrors the kernel's `struct module`, as far as `try_module_get` and `module_put` need it.
public final class Module: Sendable {
    public let name: String
    private let state = Locked<(references: Int, isUnloading: Bool)>((0, false))

    public init(name: String) {
        self.name = name
    }

    private var label: String { "the module of \(name)" }

    /// The number of references that are held.
    public var references: Int { state.withLock { $0.references } }

    /// Says that the module is going, or has come back: from now on no reference is given, or it is again.
    public func setUnloading(_ isUnloading: Bool) {
        RaceSide.use(label)
        state.withLock { $0.isUnloading = isUnloading }
    }

    /// Takes a reference, unless the module is going. Mirrors `try_module_get`.
    func tryGet() -> Bool {
        RaceSide.use(label, isWrite: false)
        return state.withLock { state in
            guard !state.isUnloading else { return false }
            state.references += 1
            return true
        }
    }

    /// Gives a reference back. Mirrors `module_put`.
    func put() {
        state.withLock { $0.references -= 1 }
    }
}

extension Optional where Wrapped == Module {
    /// What is built into the kernel has no module, and can always be had.
    func tryGet() -> Bool { self?.tryGet() ?? true }
    func put() { self?.put() }
}
