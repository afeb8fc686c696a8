import KernelABI
import SystemPackage

/// The file handlers and FLBs of a kernel, and their dependencies, protected by the kernel's `luo_register_rwlock`.
///
/// The lock is read-locked while operations of FLBs and `can_preserve` run: registering from one of them deadlocks.
final class Registry: Sendable {
    fileprivate struct State: Sendable {
        /// `luo_file_handler_list`: in registration order.
        var handlers: [HandlerEntry] = []
        /// The FLBs of every handler that was ever registered, in registration order. Unregistered handlers keep their
        /// lists, which can still be extended.
        var links: [ObjectIdentifier: (handler: FileHandler, flbs: [FLBInstance])] = [:]
        /// `luo_flb_global.list`: the FLBs with users, in the order in which they got their first one.
        var flbs: [FLBInstance] = []
        /// The number of handlers with which each FLB is registered.
        var users: [ObjectIdentifier: Int] = [:]
    }

    private let state: Guarded<State>
    /// Every FLB that this kernel has seen: its state outlives its registration. `luo_flb_init_lock`.
    private let known = Locked<[ObjectIdentifier: FLBInstance]>([:])
    private let rules: FLBLifecycle
    private let flbLimit: Int
    private let log: KernelLog
    private let sessions: SessionLists

    init(_ rules: FLBLifecycle, flbLimit: Int, _ sessions: SessionLists, _ log: KernelLog) {
        self.rules = rules
        self.flbLimit = flbLimit
        self.sessions = sessions
        self.log = log
        let lock = rules.registration == .locked ? "luo_register_rwlock" : "what luo_session_quiesce() keeps"
        state = Guarded(State(), by: lock)
    }

    /// Changes the registrations.
    ///
    /// - Throws: `EBUSY` if the kernel does not allow sessions meanwhile and there are some; `Errno.deadlocked` from
    ///   within an operation that runs under the lock.
    private func change(_ body: (inout State) throws(Errno) -> Void) throws(Errno) {
        switch rules.registration {
        case .quiescent: try sessions.whileQuiesced { () throws(Errno) in try state.write(body) }
        case .locked: try state.write(body)
        }
    }

    // MARK: Handlers

    /// Mirrors `liveupdate_register_file_handler`.
    func register(_ handler: FileHandler) throws(Errno) {
        guard let entry = HandlerEntry(handler, rules.handlerOwner, log) else { throw .invalidArgument }
        try change { state throws(Errno) in
            guard !state.handlers.contains(where: { $0.definition.compatible == handler.compatible }) else {
                throw .fileExists
            }
            if rules.handlerOwner == .whileRegistered, !handler.owner.tryGet() {
                throw .resourceTemporarilyUnavailable
            }
            state.links[ObjectIdentifier(handler)] = (handler, [])
            state.handlers.append(entry)
        }
    }

    /// Mirrors `liveupdate_unregister_file_handler`, which does not check whether the handler is registered.
    func unregister(_ handler: FileHandler) throws(Errno) {
        try change { state throws(Errno) in
            let id = ObjectIdentifier(handler)
            switch rules.unregistration {
            case .reported:
                // The list of a handler that was never registered is zeroed, and therefore not empty.
                guard state.links[id]?.flbs.isEmpty ?? false else { throw .resourceBusy }
            case .silent:
                guard let links = state.links[id] else {
                    throw log.crash("NULL pointer dereference in luo_flb_unregister_all()")
                }
                for flb in links.flbs { dropUser(of: flb, &state) }
                state.links[id]?.flbs = []
            }
            guard let index = state.handlers.firstIndex(where: { $0.definition === handler }) else {
                throw log.crash("list_del() of a poisoned list in liveupdate_unregister_file_handler()")
            }
            state.handlers.remove(at: index)
            if rules.handlerOwner == .whileRegistered { handler.owner.put() }
        }
    }

    /// The first handler that can preserve the file, pinned for it.
    ///
    /// - Throws: `ENOENT` if there is none, or its owner is going away.
    func handler(of file: any PreservableFile) throws(Errno) -> HandlerEntry {
        try handler { $0.operations.canPreserve(file) }
    }

    /// The handler with an incoming name, pinned for a file.
    ///
    /// - Throws: `ENOENT` if there is none, or its owner is going away.
    func handler(named name: KernelString) throws(Errno) -> HandlerEntry {
        try handler { KernelString($0.definition.compatible) == name }
    }

    private func handler(where matches: (HandlerEntry) -> Bool) throws(Errno) -> HandlerEntry {
        try state.read { state throws(Errno) in
            guard let entry = state.handlers.first(where: matches), entry.acquire() else {
                throw .noSuchFileOrDirectory
            }
            return entry
        }
    }

    // MARK: FLBs

    /// Mirrors `liveupdate_register_flb`, which treats an unregistered handler as registered.
    func register(_ instance: FLBInstance, with handler: FileHandler) throws(Errno) {
        let id = ObjectIdentifier(handler)
        try change { state throws(Errno) in
            guard let links = state.links[id] else {
                throw log.crash("NULL pointer dereference in liveupdate_register_flb()")
            }
            guard !links.flbs.contains(where: { $0 === instance }) else { throw .fileExists }
            let flb = ObjectIdentifier(instance)
            if state.users[flb, default: 0] == 0 {
                guard state.flbs.count < flbLimit else { throw .noSpace }
                guard !state.flbs.contains(where: { $0.name == instance.name }) else { throw .fileExists }
                if rules.flbOwner == .whileRegistered, !instance.definition.owner.tryGet() {
                    throw .resourceTemporarilyUnavailable
                }
                state.flbs.append(instance)
            }
            state.users[flb, default: 0] += 1
            state.links[id]?.flbs.append(instance)
        }
    }

    /// Mirrors `liveupdate_unregister_flb`, which does not check for files.
    func unregister(_ flb: FLB, from handler: FileHandler) throws(Errno) {
        let id = ObjectIdentifier(handler)
        try change { state throws(Errno) in
            guard let links = state.links[id] else {
                throw log.crash("NULL pointer dereference in liveupdate_unregister_flb()")
            }
            guard let link = links.flbs.firstIndex(where: { $0.definition === flb }) else {
                if rules.unregistration == .reported { throw .noSuchFileOrDirectory }
                log.message(
                    "Failed to unregister FLB '\(flb.compatible)': not found in file handler '\(handler.compatible)'")
                return
            }
            state.links[id]?.flbs.remove(at: link)
            dropUser(of: links.flbs[link], &state)
        }
    }

    /// Removes an FLB from the list if no handler depends on it any more.
    private func dropUser(of flb: FLBInstance, _ state: inout State) {
        state.users[ObjectIdentifier(flb), default: 0] -= 1
        guard state.users[ObjectIdentifier(flb)] == 0 else { return }
        state.flbs.removeAll { $0 === flb }
        if rules.flbOwner == .whileRegistered { flb.definition.owner.put() }
    }

    /// This kernel's instance of an FLB; calls `make` to create it on first use.
    func instance(of flb: FLB, make: () -> FLBInstance) -> FLBInstance {
        let id = ObjectIdentifier(flb)
        return known.withLock { known in
            if let instance = known[id] { return instance }
            let instance = make()
            known[id] = instance
            return instance
        }
    }

    /// Calls `body` with the handler's current FLBs, not those that it had when a file was preserved.
    func withFLBs(
        of handler: HandlerEntry, _ body: ([FLBInstance]) throws(Errno) -> Void
    ) throws(Errno) {
        try state.read { state throws(Errno) in
            try body(state.links[ObjectIdentifier(handler.definition)]?.flbs ?? [])
        }
    }

    /// All registered FLBs, in the order in which their records are written.
    var flbs: [FLBInstance] { state.current.flbs }

    func known(_ flb: FLB) -> FLBInstance? {
        known.withLock { $0[ObjectIdentifier(flb)] }
    }
}
