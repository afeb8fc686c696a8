import KernelABI
import SystemPackage

/// The file handlers and FLBs of a kernel, and which depends on which, under the kernel's `luo_register_rwlock`.
///
/// No operation is called with the lock held: who walks a handler's FLBs walks a copy of the list, and holds the
/// handler, which cannot lose FLBs until it is released.
final class Registry: Sendable {
    fileprivate struct Handler: Sendable {
        let entry: HandlerEntry
        /// In the order of registration.
        var flbs: [FLBInstance] = []
    }

    fileprivate struct State: Sendable {
        /// In the order of registration.
        var handlers: [Handler] = []
        /// The FLBs with a link to any handler, in the order in which they got their first.
        var flbs: [FLBInstance] = []
        /// Every FLB that this kernel has seen: what became of it outlives its registration.
        var known: [ObjectIdentifier: FLBInstance] = [:]
    }

    private let state = ReadWriteLocked(State())
    private let flbLimit: Int

    init(flbLimit: Int) {
        self.flbLimit = flbLimit
    }

    // MARK: Handlers

    /// Mirrors `liveupdate_register_file_handler`.
    func register(_ handler: FileHandler, observer: Observer?) throws(Errno) {
        guard let entry = HandlerEntry(handler, observer: observer) else { throw .invalidArgument }
        try state.write { state throws(Errno) in
            guard !state.handlers.contains(where: { $0.entry.definition.compatible == handler.compatible }) else {
                throw .fileExists
            }
            state.handlers.append(Handler(entry: entry))
        }
    }

    /// Mirrors `liveupdate_unregister_file_handler`.
    func unregister(_ handler: FileHandler) throws(Errno) {
        try state.write { state throws(Errno) in
            guard let index = state.index(of: handler) else { throw .noSuchFileOrDirectory }
            guard !state.handlers[index].entry.isInUse else { throw .resourceBusy }
            let flbs = state.handlers.remove(at: index).flbs
            for flb in flbs { state.dropUnlinked(flb) }
        }
    }

    /// The first handler that takes the file, taken for it, and the handler's FLBs.
    ///
    /// - Throws: `ENOENT` where none does, or its owner is going.
    func handler(of file: any PreservableFile) throws(Errno) -> (HandlerEntry, [FLBInstance]) {
        let entries = state.read { $0.handlers.map(\.entry) }
        guard let entry = entries.first(where: { $0.operations.canPreserve(file) }) else {
            throw .noSuchFileOrDirectory
        }
        return try state.read { state throws(Errno) in
            guard let handler = state.handlers.first(where: { $0.entry === entry }), entry.acquire() else {
                throw .noSuchFileOrDirectory
            }
            return (entry, handler.flbs)
        }
    }

    /// The handler of a name that came in, taken for a file.
    ///
    /// - Throws: `ENOENT` where there is none, or its owner is going.
    func handler(named name: KernelString) throws(Errno) -> HandlerEntry {
        try state.read { state throws(Errno) in
            let entry = state.handlers.first { KernelString($0.entry.definition.compatible) == name }?.entry
            guard let entry, entry.acquire() else { throw .noSuchFileOrDirectory }
            return entry
        }
    }

    // MARK: FLBs

    /// Mirrors `liveupdate_register_flb`.
    func register(_ instance: FLBInstance, with handler: FileHandler) throws(Errno) {
        try state.write { state throws(Errno) in
            guard let index = state.index(of: handler) else { throw .invalidArgument }
            guard !state.handlers[index].flbs.contains(where: { $0 === instance }) else { throw .fileExists }
            if !state.flbs.contains(where: { $0 === instance }) {
                guard state.flbs.count < flbLimit else { throw .noSpace }
                guard !state.flbs.contains(where: { $0.name == instance.name }) else { throw .fileExists }
                state.flbs.append(instance)
            }
            state.handlers[index].flbs.append(instance)
        }
    }

    /// Mirrors `liveupdate_unregister_flb`.
    func unregister(_ flb: FLB, from handler: FileHandler) throws(Errno) {
        try state.write { state throws(Errno) in
            guard let index = state.index(of: handler),
                let link = state.handlers[index].flbs.firstIndex(where: { $0.definition === flb })
            else { throw .noSuchFileOrDirectory }
            guard !state.handlers[index].entry.isInUse else { throw .resourceBusy }
            state.dropUnlinked(state.handlers[index].flbs.remove(at: link))
        }
    }

    /// What this kernel knows of an FLB, made with `make` when it sees it first.
    func instance(of flb: FLB, make: () -> FLBInstance) -> FLBInstance {
        let id = ObjectIdentifier(flb)
        if let known = state.read({ $0.known[id] }) { return known }
        return state.write { state in
            if let known = state.known[id] { return known }
            let instance = make()
            state.known[id] = instance
            return instance
        }
    }

    func flbs(of entry: HandlerEntry) -> [FLBInstance] {
        state.read { state in state.handlers.first { $0.entry === entry }?.flbs ?? [] }
    }

    /// All registered FLBs, in the order in which their records are written.
    var flbs: [FLBInstance] { state.read { $0.flbs } }

    func known(_ flb: FLB) -> FLBInstance? {
        state.read { $0.known[ObjectIdentifier(flb)] }
    }
}

extension Registry.State {
    fileprivate func index(of handler: FileHandler) -> Int? {
        handlers.firstIndex { $0.entry.definition === handler }
    }

    /// Takes an FLB that no handler depends on any more off the list.
    fileprivate mutating func dropUnlinked(_ flb: FLBInstance) {
        guard !handlers.contains(where: { $0.flbs.contains { $0 === flb } }) else { return }
        flbs.removeAll { $0 === flb }
    }
}
